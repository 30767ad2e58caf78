"""Every error that Engram raises on purpose, as one tree.

    EngramError                     500  internal             exit 1
    ├── InvalidInput                400  invalid_input        exit 2
    │   ├── MalformedJson           400  malformed_json
    │   ├── DuplicateKey            400  duplicate_key
    │   ├── InvalidEmbedding        400  invalid_embedding
    │   ├── InvalidMetadata         400  invalid_metadata
    │   ├── InvalidText             400  invalid_text
    │   ├── InvalidCid              400  invalid_cid
    │   ├── InvalidWhere            400  invalid_where
    │   ├── InvalidChallenge        400  invalid_challenge
    │   ├── ChallengeExpired        400  challenge_expired
    │   └── UnsupportedVersion      400  unsupported_version
    ├── Unauthorized                401  bad_signature        exit 3
    │   ├── ClockSkew               401  clock_skew
    │   └── Replayed                401  replayed
    ├── Forbidden                   403  forbidden            exit 3
    │   ├── NotAMember              403  not_a_member
    │   └── NotAssigned             403  not_assigned
    ├── NotFound                    404  not_found            exit 4
    ├── MethodNotAllowed            405  method_not_allowed   exit 2
    ├── BodyTimeout                 408  body_timeout         exit 5
    ├── StaleMembership             409  stale_membership     exit 5
    ├── RefusedHere                 410  refused_here         exit 4
    ├── BodyTooLarge                413  body_too_large       exit 2
    ├── WrongContentType            415  wrong_content_type   exit 2
    ├── Throttled                   429  throttled            exit 5
    ├── Unavailable                 503  unavailable          exit 5
    │   ├── Overloaded              503  overloaded
    │   ├── NotReady                503  not_ready
    │   ├── StorageFull             503  storage_full
    │   ├── TooFewReplicas          503  too_few_replicas
    │   ├── InexactEmbedder         503  inexact_embedder
    │   └── ChainUnavailable        503  chain_unavailable
    ├── StoreError                  500  store_error          exit 6
    │   ├── StoreLocked             500  store_locked
    │   ├── StoreCorrupt            500  store_corrupt
    │   └── StoreTooNew             500  store_too_new
    ├── ModelError                  500  model_error          exit 7
    │   ├── ModelMissing            500  model_missing
    │   ├── ModelMismatch           500  model_mismatch
    │   ├── CoreMissing             500  core_missing
    │   └── SelfTestFailed          500  self_test_failed
    ├── ChainRejected               500  chain_rejected       exit 9
    ├── WalletError                 500  wallet_error         exit 9
    ├── CannotListen                500  cannot_listen        exit 8
    ├── ServerUnreachable           502  server_unreachable   exit 5
    ├── CidMismatch                 502  cid_mismatch         exit 1
    └── ServerError                 (what the server said)    exit 5

Each class carries a stable ``code`` for programs, an HTTP ``status`` for the wire and an
``exit_code`` for the shell. The message is a sentence that a person can act on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class EngramError(Exception):
    """The root. Catch this to catch everything that Engram raises on purpose."""

    code: str = "internal"
    status: int = 500
    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after
        """Seconds after which the same request may succeed; None if waiting does not help."""
        self.details: Mapping[str, Any] = details or {}
        """JSON values for programs, which stand beside ``error`` and ``code`` on the wire."""


class InvalidInput(EngramError, ValueError):
    """The caller sent something that can never succeed as it stands."""

    code = "invalid_input"
    status = 400
    exit_code = 2


class MalformedJson(InvalidInput):
    """The bytes are not JSON (RFC 8259), or hold a number or string that no record may hold."""

    code = "malformed_json"


class DuplicateKey(InvalidInput):
    """A JSON object names the same key twice, so readers could disagree on its value."""

    code = "duplicate_key"


class InvalidEmbedding(InvalidInput):
    """Not 384 finite float32 components with a norm within 1e-12..1e12."""

    code = "invalid_embedding"


class InvalidMetadata(InvalidInput):
    """Metadata that docs/protocol.md section 1 refuses."""

    code = "invalid_metadata"


class InvalidText(InvalidInput):
    """Text with lone surrogates or more than 8,192 code points."""

    code = "invalid_text"


class InvalidCid(InvalidInput):
    """Not ``v1::`` followed by 64 lowercase hexadecimal digits."""

    code = "invalid_cid"


class InvalidWhere(InvalidInput):
    """A filter that docs/protocol.md does not define."""

    code = "invalid_where"


class InvalidChallenge(InvalidInput):
    """A malformed storage challenge."""

    code = "invalid_challenge"


class ChallengeExpired(InvalidInput):
    """A challenge more than 60 s past its expiry, or more than 600 s ahead of it."""

    code = "challenge_expired"


class UnsupportedVersion(InvalidInput):
    """A proof or model version that this node does not run."""

    code = "unsupported_version"


class Unauthorized(EngramError):
    """A signed request whose signature, sender or receiver is not what it must be."""

    code = "bad_signature"
    status = 401
    exit_code = 3


class ClockSkew(Unauthorized):
    """Signed too long ago or ahead; ``details["time"]`` is the server's own time."""

    code = "clock_skew"


class Replayed(Unauthorized):
    """A signed request that was here before."""

    code = "replayed"


class Forbidden(EngramError):
    """The caller may not do this."""

    code = "forbidden"
    status = 403
    exit_code = 3


class NotAMember(Forbidden):
    """The signer is no member of the placement, so it may write no replicas."""

    code = "not_a_member"


class NotAssigned(Forbidden):
    """Placement does not name this node for the record, so it takes no copy of it."""

    code = "not_assigned"


class NotFound(EngramError):
    """No such record, or no such path."""

    code = "not_found"
    status = 404
    exit_code = 4


class MethodNotAllowed(EngramError):
    """The path exists, but not with this HTTP method."""

    code = "method_not_allowed"
    status = 405
    exit_code = 2


class BodyTimeout(EngramError):
    """The request body arrived too slowly."""

    code = "body_timeout"
    status = 408
    exit_code = 5


class StaleMembership(EngramError):
    """The two nodes go by different placement blocks; ``details["placements"]`` are this one's."""

    code = "stale_membership"
    status = 409
    exit_code = 5


class RefusedHere(EngramError):
    """The operator of this node deleted the record; another node may hold it."""

    code = "refused_here"
    status = 410
    exit_code = 4


class BodyTooLarge(EngramError):
    """The request body is larger than the node accepts."""

    code = "body_too_large"
    status = 413
    exit_code = 2


class WrongContentType(EngramError):
    """The body is declared as something that this path does not read."""

    code = "wrong_content_type"
    status = 415
    exit_code = 2


class Throttled(EngramError):
    """The caller's token bucket is empty."""

    code = "throttled"
    status = 429
    exit_code = 5


class Unavailable(EngramError):
    """The node cannot do this now; the same request may succeed later."""

    code = "unavailable"
    status = 503
    exit_code = 5


class Overloaded(Unavailable):
    """A bounded queue is full."""

    code = "overloaded"


class NotReady(Unavailable):
    """The node is still loading, or is stopping."""

    code = "not_ready"


class StorageFull(Unavailable):
    """The disk, or the share of it that the operator gave, is full; reads go on."""

    code = "storage_full"


class TooFewReplicas(Unavailable):
    """Fewer replicas than asked for were acknowledged in time.

    Nothing is lost: the record is stored here, and goes on to the others. ``details`` has its
    ``cid`` and ``replicas``.
    """

    code = "too_few_replicas"


class InexactEmbedder(Unavailable):
    """This node's embedder is not bit-exact, and a public network takes no such embeddings.

    Waiting does not help, so it carries no Retry-After.
    """

    code = "inexact_embedder"


class ChainUnavailable(Unavailable):
    """The chain gave no answer in time; it is tried again."""

    code = "chain_unavailable"


class StoreError(EngramError):
    """The data directory cannot be used as it is."""

    code = "store_error"
    exit_code = 6


class StoreLocked(StoreError):
    """Another process has the data directory open."""

    code = "store_locked"


class StoreCorrupt(StoreError):
    """Bytes on disk do not hash to their CID, or the database is damaged."""

    code = "store_corrupt"


class StoreTooNew(StoreError):
    """The data directory was written by a newer version of Engram."""

    code = "store_too_new"


class ModelError(EngramError):
    """The embedding model cannot be used."""

    code = "model_error"
    exit_code = 7


class ModelMissing(ModelError):
    """The model files are not installed. ``engram model install`` installs them."""

    code = "model_missing"


class ModelMismatch(ModelError):
    """A model file does not have the pinned SHA-256."""

    code = "model_mismatch"


class CoreMissing(ModelError):
    """The exact embedder was asked for, but the engram-core that has it is not there."""

    code = "core_missing"


class SelfTestFailed(ModelError):
    """The exact embedder gave other bits than it must, so it is not used."""

    code = "self_test_failed"


class ChainRejected(EngramError):
    """The chain refused, and will refuse the same again."""

    code = "chain_rejected"
    exit_code = 9


class WalletError(EngramError):
    """A wallet is missing, unreadable or encrypted."""

    code = "wallet_error"
    exit_code = 9


class CannotListen(EngramError):
    """The address or port cannot be served: taken, not ours, or not permitted."""

    code = "cannot_listen"
    exit_code = 8


class ServerUnreachable(EngramError):
    """No answer from the server: refused, timed out, or cut off."""

    code = "server_unreachable"
    status = 502
    exit_code = 5


class CidMismatch(EngramError):
    """A node answered with another CID than the record has that was sent to it."""

    code = "cid_mismatch"
    status = 502


class ServerError(EngramError):
    """The server answered with an error; ``status`` and ``code`` are what it said."""

    exit_code = 5

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int,
        retry_after: float | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, retry_after=retry_after, details=details)
        self.code = code
        self.status = status

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
    │   ├── InvalidFile             400  invalid_file
    │   ├── ChallengeExpired        400  challenge_expired
    │   └── UnsupportedVersion      400  unsupported_version
    ├── Unauthorized                401  bad_signature        exit 3
    │   ├── ClockSkew               401  clock_skew
    │   └── Replayed                401  replayed
    ├── TokenNeeded                 401  token_needed         exit 3
    ├── Forbidden                   403  forbidden            exit 3
    │   ├── WrongHost               403  wrong_host
    │   ├── WrongOrigin             403  wrong_origin
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
    │   ├── BlobsUnavailable        503  blobs_unavailable
    │   ├── DescriberUnavailable    503  describer_unavailable
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
    ├── BlobRejected                502  blob_rejected        exit 10
    ├── BlobMismatch                502  blob_mismatch        exit 10
    ├── Underfunded                 402  underfunded          exit 10
    ├── DescriberRefused            502  describer_refused    exit 5
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

    def __init_subclass__(
        cls, *, code: str | None = None, status: int | None = None, exit_code: int | None = None
    ) -> None:
        """What a class does not name it has from its parent."""
        cls.code = code or cls.code
        cls.status = status or cls.status
        cls.exit_code = exit_code or cls.exit_code

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


class InvalidInput(EngramError, ValueError, code="invalid_input", status=400, exit_code=2):
    """The caller sent something that can never succeed as it stands."""


class MalformedJson(InvalidInput, code="malformed_json"):
    """The bytes are not JSON (RFC 8259), or hold a number or string that no record may hold."""


class DuplicateKey(InvalidInput, code="duplicate_key"):
    """A JSON object names the same key twice, so readers could disagree on its value."""


class InvalidEmbedding(InvalidInput, code="invalid_embedding"):
    """Not 384 finite float32 components with a norm within 1e-12..1e12."""


class InvalidMetadata(InvalidInput, code="invalid_metadata"):
    """Metadata that docs/protocol.md section 1 refuses."""


class InvalidText(InvalidInput, code="invalid_text"):
    """Text with lone surrogates or more than 8,192 code points."""


class InvalidCid(InvalidInput, code="invalid_cid"):
    """Not ``v1::`` followed by 64 lowercase hexadecimal digits."""


class InvalidWhere(InvalidInput, code="invalid_where"):
    """A filter that docs/protocol.md does not define."""


class InvalidChallenge(InvalidInput, code="invalid_challenge"):
    """A malformed storage challenge."""


class InvalidFile(InvalidInput, code="invalid_file"):
    """A file that cannot be read: empty, encrypted, broken, of another kind, or beyond a limit."""


class ChallengeExpired(InvalidInput, code="challenge_expired"):
    """A challenge more than 60 s past its expiry, or more than 600 s ahead of it."""


class UnsupportedVersion(InvalidInput, code="unsupported_version"):
    """A proof or model version that this node does not run."""


class Unauthorized(EngramError, code="bad_signature", status=401, exit_code=3):
    """A signed request whose signature, sender or receiver is not what it must be."""


class ClockSkew(Unauthorized, code="clock_skew"):
    """Signed too long ago or ahead; ``details["time"]`` is the server's own time."""


class Replayed(Unauthorized, code="replayed"):
    """A signed request that was here before."""


class TokenNeeded(EngramError, code="token_needed", status=401, exit_code=3):
    """The request lacks the token that the operator set, or has another."""


class Forbidden(EngramError, code="forbidden", status=403, exit_code=3):
    """The caller may not do this."""


class WrongHost(Forbidden, code="wrong_host"):
    """The request names a host that this gateway is not: another name may lead to its address."""


class WrongOrigin(Forbidden, code="wrong_origin"):
    """The request was made by a page of another origin."""


class NotAMember(Forbidden, code="not_a_member"):
    """The signer is no member of the placement, so it may write no replicas."""


class NotAssigned(Forbidden, code="not_assigned"):
    """Placement does not name this node for the record, so it takes no copy of it."""


class NotFound(EngramError, code="not_found", status=404, exit_code=4):
    """No such record, or no such path."""


class MethodNotAllowed(EngramError, code="method_not_allowed", status=405, exit_code=2):
    """The path exists, but not with this HTTP method."""


class BodyTimeout(EngramError, code="body_timeout", status=408, exit_code=5):
    """The request body arrived too slowly."""


class StaleMembership(EngramError, code="stale_membership", status=409, exit_code=5):
    """The two nodes go by different placement blocks; ``details["placements"]`` are this one's."""


class RefusedHere(EngramError, code="refused_here", status=410, exit_code=4):
    """The operator of this node deleted the record; another node may hold it."""


class BodyTooLarge(EngramError, code="body_too_large", status=413, exit_code=2):
    """The request body is larger than the node accepts."""


class WrongContentType(EngramError, code="wrong_content_type", status=415, exit_code=2):
    """The body is declared as something that this path does not read."""


class Throttled(EngramError, code="throttled", status=429, exit_code=5):
    """The caller's token bucket is empty."""


class Unavailable(EngramError, code="unavailable", status=503, exit_code=5):
    """The node cannot do this now; the same request may succeed later."""


class Overloaded(Unavailable, code="overloaded"):
    """A bounded queue is full."""


class NotReady(Unavailable, code="not_ready"):
    """The node is still loading, or is stopping."""


class StorageFull(Unavailable, code="storage_full"):
    """The disk, or the share of it that the operator gave, is full; reads go on."""


class TooFewReplicas(Unavailable, code="too_few_replicas"):
    """Fewer replicas than asked for were acknowledged in time.

    Nothing is lost: the record is stored here, and goes on to the others. ``details`` has its
    ``cid`` and ``replicas``.
    """


class InexactEmbedder(Unavailable, code="inexact_embedder"):
    """This node's embedder is not bit-exact, and a public network takes no such embeddings.

    Waiting does not help, so it carries no Retry-After.
    """


class ChainUnavailable(Unavailable, code="chain_unavailable"):
    """The chain gave no answer in time; it is tried again."""


class BlobsUnavailable(Unavailable, code="blobs_unavailable"):
    """The place of raw files gave no answer in time; it is tried again."""


class DescriberUnavailable(Unavailable, code="describer_unavailable"):
    """Whoever describes images gave no answer in time, or asks to come back later."""


class StoreError(EngramError, code="store_error", exit_code=6):
    """The data directory cannot be used as it is."""


class StoreLocked(StoreError, code="store_locked"):
    """Another process has the data directory open."""


class StoreCorrupt(StoreError, code="store_corrupt"):
    """Bytes on disk do not hash to their CID, or the database is damaged."""


class StoreTooNew(StoreError, code="store_too_new"):
    """The data directory was written by a newer version of Engram."""


class ModelError(EngramError, code="model_error", exit_code=7):
    """The embedding model cannot be used."""


class ModelMissing(ModelError, code="model_missing"):
    """The model files are not installed. ``engram model install`` installs them."""


class ModelMismatch(ModelError, code="model_mismatch"):
    """A model file does not have the pinned SHA-256."""


class CoreMissing(ModelError, code="core_missing"):
    """The exact embedder was asked for, but the engram-core that has it is not there."""


class SelfTestFailed(ModelError, code="self_test_failed"):
    """The exact embedder gave other bits than it must, so it is not used."""


class ChainRejected(EngramError, code="chain_rejected", exit_code=9):
    """The chain refused, and will refuse the same again."""


class WalletError(EngramError, code="wallet_error", exit_code=9):
    """A wallet is missing, unreadable or encrypted."""


class BlobRejected(EngramError, code="blob_rejected", status=502, exit_code=10):
    """The place of raw files refused, and will refuse the same again."""


class BlobMismatch(EngramError, code="blob_mismatch", status=502, exit_code=10):
    """The bytes that came are not those that were asked for."""


class Underfunded(EngramError, code="underfunded", status=402, exit_code=10):
    """The wallet holds less than storing the file costs."""


class DescriberRefused(EngramError, code="describer_refused", status=502, exit_code=5):
    """Whoever describes images refused; the sentence says what its operator can do."""


class CannotListen(EngramError, code="cannot_listen", exit_code=8):
    """The address or port cannot be served: taken, not ours, or not permitted."""


class ServerUnreachable(EngramError, code="server_unreachable", status=502, exit_code=5):
    """No answer from the server: refused, timed out, or cut off."""


class CidMismatch(EngramError, code="cid_mismatch", status=502):
    """A node answered with another CID than the record has that was sent to it."""


class ServerError(EngramError, exit_code=5):
    """The server answered with an error; ``status`` and ``code`` are what it said."""

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

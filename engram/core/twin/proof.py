"""Storage proof version 1: show that the embedding is at hand, under a nonce."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Sequence
from typing import Any

from engram.core.limits import CHALLENGE_TTL_S, HASH_BYTES, MAX_CHALLENGE_TTL_S, MAX_MAGNITUDE
from engram.core.proof import Challenge, Response
from engram.core.twin.cid import parse_cid
from engram.core.twin.columns import column_of
from engram.core.twin.embedding import embedding_bytes, embedding_rows
from engram.errors import InvalidChallenge, InvalidEmbedding

_NONCE = re.compile("[0-9a-f]{64}")


def generate_challenge(
    cid: str, ttl_s: int = CHALLENGE_TTL_S, now: float | None = None
) -> Challenge:
    """A challenge with a new nonce that expires ``ttl_s`` (1..600) seconds from now.

    ``now`` is in unix seconds, by default those of the clock. Raises InvalidCid or
    InvalidChallenge.
    """
    parse_cid(cid)
    if type(ttl_s) is not int or not 1 <= ttl_s <= MAX_CHALLENGE_TTL_S:
        raise InvalidChallenge(f"ttl_s must be a whole number within 1..{MAX_CHALLENGE_TTL_S}")
    moment = time.time() if now is None else now
    if type(moment) not in (int, float) or not 0 <= moment < MAX_MAGNITUDE:
        raise InvalidChallenge("now must be unix seconds")
    return Challenge(cid, secrets.token_hex(HASH_BYTES), int(moment) + ttl_s)


def generate_response(nonce_hex: str, embedding: Any) -> Response:
    """The answer of whoever has the embedding to 64 hexadecimal digits of nonce.

    Raises InvalidChallenge or InvalidEmbedding.
    """
    return _respond(_nonce(nonce_hex), embedding)


def generate_responses(nonces_hex: Sequence[str], embeddings: Any) -> list[Response]:
    """The answers to n nonces, for n embeddings as ``generate_cids`` takes them.

    Raises as ``generate_response``, naming the first bad challenge.
    """
    rows = embedding_rows(embeddings)
    nonces = column_of("nonces", nonces_hex, len(rows))
    return [_respond_at(i, *pair) for i, pair in enumerate(zip(nonces, rows, strict=True))]


def verify_response(
    challenge: Challenge, embedding_hash: str, proof: str, expected_embedding: Any
) -> bool:
    """Whether an answer is right, compared in constant time; the expiry is the caller's to enforce.

    An answer of any other form is just wrong. Raises InvalidCid or InvalidChallenge for a malformed
    challenge, InvalidEmbedding for a bad expectation.
    """
    expected = _respond(_challenge_nonce(challenge), expected_embedding)
    # Both comparisons always run: which half was wrong must not show in the time taken.
    return _equal(expected.embedding_hash, embedding_hash) & _equal(expected.proof, proof)


def _respond(nonce: bytes, embedding: Any) -> Response:
    embedding_hash = hashlib.sha256(embedding_bytes(embedding)).hexdigest()
    proof = hmac.digest(nonce, embedding_hash.encode(), "sha256").hex()
    return Response(embedding_hash, proof)


def _respond_at(index: int, nonce_hex: str, embedding: Any) -> Response:
    try:
        return generate_response(nonce_hex, embedding)
    except (InvalidChallenge, InvalidEmbedding) as error:
        raise type(error)(f"challenge {index}: {error.message}") from None


def _challenge_nonce(challenge: Any) -> bytes:
    if not isinstance(challenge, tuple) or len(challenge) != 3:
        raise InvalidChallenge("a challenge is (cid, nonce_hex, expires_at)")
    cid, nonce_hex, _ = challenge
    parse_cid(cid)
    return _nonce(nonce_hex)


def _nonce(nonce_hex: str) -> bytes:
    if not isinstance(nonce_hex, str) or not _NONCE.fullmatch(nonce_hex):
        raise InvalidChallenge("a nonce is 32 bytes as 64 lowercase hexadecimal digits")
    return bytes.fromhex(nonce_hex)


def _equal(expected: str, claimed: Any) -> bool:
    """Constant-time; whatever is not text of the right form is simply wrong."""
    if not isinstance(claimed, str):
        return False
    return hmac.compare_digest(expected.encode(), claimed.encode(errors="surrogatepass"))

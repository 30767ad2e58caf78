"""The two halves of a storage proof (docs/protocol.md section 2)."""

from __future__ import annotations

from typing import NamedTuple


class Challenge(NamedTuple):
    """What a validator asks."""

    cid: str
    nonce_hex: str
    """32 random bytes as 64 lowercase hexadecimal digits; counts once."""
    expires_at: int
    """Unix seconds, inclusive."""


class Response(NamedTuple):
    """What a miner that has the embedding answers; both 64 lowercase hexadecimal digits."""

    embedding_hash: str
    proof: str

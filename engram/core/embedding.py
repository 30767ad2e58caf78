"""Embeddings as numpy arrays: always float32, shape (384,), checked, with -0 as +0.

The arrays are read-only views of the bytes that a CID covers. Everything here raises
InvalidEmbedding for anything but 384 finite components with a norm within 1e-12..1e12.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engram.core import embedding_bytes
from engram.core.limits import EMBEDDING_BYTES
from engram.errors import InvalidEmbedding

Embedding = NDArray[np.float32]

_BASE64_LENGTH = EMBEDDING_BYTES // 3 * 4  # 1,536 is divisible by 3, so there is no padding


def from_numbers(numbers: Sequence[float] | NDArray[Any]) -> Embedding:
    """384 numbers, each rounded to the nearest float32, ties to even."""
    return _view(embedding_bytes(numbers))


def from_bytes(raw: bytes) -> Embedding:
    """1,536 bytes of little-endian float32."""
    return _view(embedding_bytes(raw))


def from_base64(text: str) -> Embedding:
    """2,048 characters of standard base64 over 1,536 bytes of little-endian float32."""
    if len(text) != _BASE64_LENGTH:
        raise InvalidEmbedding(
            f"base64 embedding must be {_BASE64_LENGTH} characters, not {len(text)}"
        )
    try:
        raw = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise InvalidEmbedding("embedding is not standard base64") from None
    return from_bytes(raw)


def to_base64(embedding: Embedding) -> str:
    """The inverse of ``from_base64``."""
    return binascii.b2a_base64(embedding_bytes(embedding), newline=False).decode("ascii")


def normalise(embedding: Embedding) -> Embedding:
    """A copy with unit L2 norm, for the index; the norm is taken in binary64."""
    exact = from_numbers(embedding).astype(np.float64)
    return (exact / np.linalg.norm(exact)).astype(np.float32)


def _view(raw: bytes) -> Embedding:
    return np.frombuffer(raw, dtype="<f4")

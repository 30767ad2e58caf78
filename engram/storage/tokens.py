"""JSON values as fixed-size numbers, so that numpy can compare a column of them.

A value becomes (kind, token, order): two values are equal if kind and token are, and within one
kind ``order`` never contradicts the values' order. For numbers order is exact; for strings it is
the first eight UTF-8 bytes, so a tie says nothing.
"""

from __future__ import annotations

import hashlib
import struct
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

NULL, BOOL, NUMBER, STRING, WHOLE = range(5)  # WHOLE: arrays and objects

_SIGN = 1 << 63
_ALL = (1 << 64) - 1
_PREFIX = 8
_SHORT = 64  # characters; longer strings hardly repeat and would fill the cache


class Token(NamedTuple):
    """Kind (above), token and order (both 0..2**64-1)."""

    kind: int
    token: int
    order: int


def tokenise(value: Any, key: bytes) -> Token:
    """The token of a valid JSON value; ``key`` is secret, so that nobody can make two collide."""
    if isinstance(value, str):
        return (_of_short if len(value) <= _SHORT else _of_string)(value, key)
    if value is None:
        return Token(NULL, 0, 0)
    if isinstance(value, bool):
        return Token(BOOL, int(value), 0)
    if isinstance(value, (int, float)):
        rank = _rank(float(value))
        return Token(NUMBER, rank, rank)
    return Token(WHOLE, _hash(orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS), key), 0)


def _of_string(value: str, key: bytes) -> Token:
    raw = value.encode()
    prefix = int.from_bytes(raw[:_PREFIX].ljust(_PREFIX, b"\0"), "big")
    return Token(STRING, _hash(raw, key), prefix)


_of_short = lru_cache(maxsize=4_096)(_of_string)  # namespaces and sources repeat


def _hash(raw: bytes, key: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8, key=key).digest(), "little")


def _rank(number: float) -> int:
    """The bits of a binary64, rearranged so that they sort as the numbers do; -0 is 0."""
    bits: int = struct.unpack("<Q", struct.pack("<d", number + 0.0))[0]
    return bits ^ _ALL if bits & _SIGN else bits | _SIGN


def _plain(value: Any) -> Any:
    """The same value with every number a float, so that 1 and 1.0 give one text."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) + 0.0
    return value

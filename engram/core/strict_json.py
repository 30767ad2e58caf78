"""JSON in which every reader sees the same value: RFC 8259 without duplicate keys.

orjson does the parsing; it refuses NaN, numbers that overflow binary64, lone surrogates, invalid
UTF-8 and more than 1,024 levels, but keeps the last of duplicate keys without a word.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from engram.errors import DuplicateKey, MalformedJson

_WHITESPACE = b" \t\n\r"


def loads(body: bytes | bytearray | memoryview | str) -> Any:
    """The value of a JSON text. Integers beyond 64 bits come as float.

    Raises MalformedJson, or DuplicateKey for a name that an object holds twice at any level.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedJson(f"the body is not JSON: {error}") from None
    raw = body.encode() if isinstance(body, str) else bytes(body)
    if not _keeps_every_key(raw, value):
        _refuse_duplicates(raw)
    return value


def _keeps_every_key(raw: bytes, value: Any) -> bool:
    """True if it is certain that no key was dropped.

    After each key in the text a quote and a colon follow. If there are no more of these than
    keys in the value, none was dropped. A string that begins with a colon, or holds an escaped
    quote before one, only makes the answer uncertain.
    """
    pieces = raw.split(b'"')
    bound = sum(piece.lstrip(_WHITESPACE).startswith(b":") for piece in pieces)
    return _count_keys(value, bound) == bound


def _count_keys(value: Any, enough: int) -> int:
    """Keys of all objects in the value; stops at ``enough``, and reads long arrays last."""
    found = 0
    pending: list[Any] = [value]
    arrays: list[list[Any]] = []
    while found < enough and (pending or arrays):
        node = pending.pop() if pending else None
        if type(node) is dict:
            found += len(node)
            pending += node.values()
        elif type(node) is list:
            arrays.append(node)
        elif not pending and arrays:
            pending = [item for item in arrays.pop() if type(item) in (dict, list)]
    return found


def _refuse_duplicates(raw: bytes) -> None:
    try:
        json.loads(raw, object_pairs_hook=_require_unique, parse_int=_ignore, parse_float=_ignore)
    except RecursionError:
        raise MalformedJson("the body nests too deeply") from None


def _require_unique(pairs: list[tuple[str, Any]]) -> None:
    seen = set()
    for key, _ in pairs:
        if key in seen:
            raise DuplicateKey(f"the body names the key {key[:40]!r} twice in one object")
        seen.add(key)


def _ignore(_digits: str) -> None:
    """Only keys matter here."""

"""RFC 8785 text of a JSON value, with the refusals of docs/protocol.md section 1."""

from __future__ import annotations

import json
from typing import Any

from engram.core.limits import MAX_MAGNITUDE, MAX_METADATA_DEPTH
from engram.core.twin.ecmascript import number_text


class RefusedValue(Exception):
    """A value that no record may hold; the message completes ``metadata key 'x' ...``."""


def json_text(value: Any, depth: int) -> str:
    """The canonical text of a value whose own arrays and objects stand at ``depth``.

    Only the exact types dict, list, tuple, str, int, float, bool and None are JSON values, so
    that what is hashed is what any serialiser writes. Raises RefusedValue.
    """
    kind = type(value)
    if kind is str:
        return string_text(value)
    if kind is int or kind is float:
        return number_text(binary64(value))
    if kind is dict or kind is list or kind is tuple:
        return _container_text(value, depth)
    return _word_text(value)


def string_text(text: str) -> str:
    """A JSON string with the least escapes: quotes, backslash and control characters."""
    require_unicode(text)
    return json.dumps(text, ensure_ascii=False)


def require_unicode(text: str) -> None:
    """Refuse lone surrogates, which have no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RefusedValue("holds a lone surrogate, which UTF-8 cannot carry") from None


def binary64(number: int | float) -> float:
    """The number as binary64; refuses NaN, infinities and magnitudes of 2**53 or more."""
    if abs(number) < MAX_MAGNITUDE:
        return float(number)
    raise RefusedValue("holds a number that is not below 2**53 in magnitude")


def _word_text(value: Any) -> str:
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    raise RefusedValue(f"holds a value of type {type(value).__name__}, which is not JSON")


def _container_text(value: Any, depth: int) -> str:
    if depth > MAX_METADATA_DEPTH:
        raise RefusedValue(f"nests deeper than {MAX_METADATA_DEPTH} levels")
    if type(value) is not dict:
        return "[" + ",".join(json_text(item, depth + 1) for item in value) + "]"
    for key in value:
        _require_key(key)
    keys = sorted(value, key=_utf16)
    return "{" + ",".join(f"{string_text(k)}:{json_text(value[k], depth + 1)}" for k in keys) + "}"


def _require_key(key: Any) -> None:
    if type(key) is not str:
        raise RefusedValue(f"holds an object with a key of type {type(key).__name__}")
    require_unicode(key)


def _utf16(key: str) -> bytes:
    """RFC 8785 sorts by UTF-16 code units; big-endian bytes compare the same way."""
    return key.encode("utf-16-be")

"""Metadata as the bytes that a CID covers: sorted, typed, escaped pairs."""

from __future__ import annotations

from typing import Any

from engram.core import strict_json
from engram.core.limits import MAX_METADATA_BYTES, MAX_TEXT_CODE_POINTS
from engram.core.twin.canonical import RefusedValue, json_text, require_unicode
from engram.errors import InvalidMetadata, MalformedJson

_NAME_LENGTH = 40  # of a key inside an error message


def metadata_text(metadata: dict[str, Any] | None) -> bytes:
    """The escaped pair text of a metadata object, UTF-8; empty for None.

    Raises InvalidMetadata for whatever docs/protocol.md section 1 refuses.
    """
    if metadata is None:
        return b""
    if type(metadata) is not dict:
        raise InvalidMetadata(f"metadata must be an object, not {type(metadata).__name__}")
    for key in metadata:
        _require_key(key)
    # Code point order is the order of the UTF-8 bytes.
    text = b"".join(_pair(key, metadata[key]) for key in sorted(metadata))
    if len(text) > MAX_METADATA_BYTES:
        raise InvalidMetadata(
            f"metadata is {len(text)} bytes of pair text; at most {MAX_METADATA_BYTES} fit a record"
        )
    return text


def parse_metadata(json_text: str | bytes) -> dict[str, Any]:
    """Metadata from JSON text.

    Raises MalformedJson, DuplicateKey, or InvalidMetadata as ``metadata_text`` does; JSON null
    is refused.
    """
    if not isinstance(json_text, (str, bytes)):
        raise MalformedJson(f"JSON text must be str or bytes, not {type(json_text).__name__}")
    value = strict_json.loads(json_text)
    if type(value) is not dict:
        raise InvalidMetadata("metadata must be a JSON object")
    metadata_text(value)
    return value


def _require_key(key: Any) -> None:
    if type(key) is not str:
        raise InvalidMetadata(f"metadata has a key of type {type(key).__name__}, not a string")
    if not key:
        raise InvalidMetadata("metadata has an empty key")
    try:
        require_unicode(key)
    except RefusedValue as refusal:
        raise InvalidMetadata(f"metadata key {_name(key)} {refusal}") from None


def _pair(key: str, value: Any) -> bytes:
    try:
        text = _value(key, value)
    except RefusedValue as refusal:
        raise InvalidMetadata(f"metadata key {_name(key)} {refusal}") from None
    return f"{_escape_key(key)}{text};".encode()


def _value(key: str, value: Any) -> str:
    if type(value) is not str:
        return ":=" + _escape(json_text(value, depth=2))
    if key == "text" and len(value) > MAX_TEXT_CODE_POINTS:
        raise RefusedValue(f"is {len(value)} code points; at most {MAX_TEXT_CODE_POINTS}")
    require_unicode(value)
    return "=" + _escape(value)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace(";", "\\;")


def _escape_key(key: str) -> str:
    return _escape(key).replace("=", "\\=").replace(":", "\\:")


def _name(key: str) -> str:
    return repr(key if len(key) <= _NAME_LENGTH else key[:_NAME_LENGTH] + "…")

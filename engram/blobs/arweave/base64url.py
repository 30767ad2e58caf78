"""The spelling of bytes in Arweave's JSON: base64url without padding."""

from __future__ import annotations

import base64
import binascii

from engram.errors import InvalidInput


def encode(data: bytes) -> str:
    """Letters, digits, ``-`` and ``_``."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The bytes. Raises InvalidInput for anything else than their one spelling."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("not base64url") from None
    if encode(data) != text:
        raise InvalidInput("not base64url")
    return data

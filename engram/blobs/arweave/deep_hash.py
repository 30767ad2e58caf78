"""The hash that an Arweave signature covers: of nested lists of bytes, free of ambiguity."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeAlias

Nested: TypeAlias = bytes | Sequence["Nested"]


def deep_hash(value: Nested) -> bytes:
    """SHA-384 over bytes or lists of them, each under a tag that says its kind and length.

    Source: Arweave protocol, format-2 transactions ("deep hash").
    """
    if isinstance(value, bytes):
        return sha384(sha384(b"blob%d" % len(value)) + sha384(value))
    found = sha384(b"list%d" % len(value))
    for item in value:
        found = sha384(found + deep_hash(item))
    return found


def sha384(data: bytes) -> bytes:
    """48 bytes."""
    return hashlib.sha384(data).digest()

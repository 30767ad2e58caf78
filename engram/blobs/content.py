"""The name of raw bytes: their SHA-256."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import BinaryIO

from engram.errors import InvalidInput

PREFIX = "sha256:"
BLOCK_BYTES = 1024 * 1024
_CONTENT_CID = re.compile(r"sha256:[0-9a-f]{64}")


def content_cid_of(data: bytes) -> str:
    """``sha256:`` and 64 lowercase hexadecimal digits."""
    return PREFIX + hashlib.sha256(data).hexdigest()


def content_cid_of_file(path: Path) -> str:
    """The same for a file, of which a block at a time is in memory. Blocks."""
    with path.open("rb") as file:
        return PREFIX + hashed(file)


def hashed(file: BinaryIO) -> str:
    """Hex SHA-256 of what is left of a file."""
    digest = hashlib.sha256()
    while block := file.read(BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()


def parse_content_cid(text: str) -> str:
    """The 64 digits. Raises InvalidInput for anything else than a content id."""
    if not _CONTENT_CID.fullmatch(text):
        raise InvalidInput(f"{text[:80]!r} is no content id: sha256: and 64 hexadecimal digits.")
    return text.removeprefix(PREFIX)

"""The file of hashes: one line for each text, in the order of ``texts()``."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from tests.embedding.golden.texts import texts

FILE = Path(__file__).with_name("hashes.txt")
BYTES = 384 * 4  # of one embedding, little-endian float32


def golden() -> list[str]:
    """SHA-256 in hexadecimal of each text's embedding."""
    return FILE.read_text("ascii").split()[1:]


def golden_texts() -> str:
    """SHA-256 in hexadecimal over all texts, so that a change of theirs is told from other bits."""
    return FILE.read_text("ascii").split()[0]


def hashes(embeddings: bytes) -> list[str]:
    """Of n embeddings, one after the other."""
    return [
        sha256(embeddings[start : start + BYTES]).hexdigest()
        for start in range(0, len(embeddings), BYTES)
    ]


def hash_of_texts() -> str:
    return sha256(texts_as_bytes()).hexdigest()


def texts_as_bytes() -> bytes:
    """Each text's UTF-8 after its length in 8 little-endian bytes: for any language to read."""
    parts = [text.encode() for text in texts()]
    return b"".join(len(part).to_bytes(8, "little") + part for part in parts)

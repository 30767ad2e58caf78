"""A file as a document: by its kind, and in another process where a hostile file could do harm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engram.documents.interface import Document, Kind
from engram.documents.limits import Limits
from engram.documents.plain import read_text
from engram.documents.process import read_apart
from engram.documents.sniff import kind_of
from engram.errors import InvalidFile

Progress = Callable[[int, int], None]
"""Told of pages read, of how many."""


def read_document(
    path: Path, name: str = "", limits: Limits | None = None, progress: Progress | None = None
) -> Document:
    """The document in a file. Blocks.

    ``name`` is what its sender calls it. Raises InvalidFile for a file that is empty, encrypted,
    broken, of another kind, or beyond a limit; the sentence names the page or part.
    """
    limits = limits or Limits()
    kind = kind_of(path, name)
    if kind is Kind.IMAGE:
        raise InvalidFile("This is an image; it is described, not read.")
    if kind in (Kind.TEXT, Kind.MARKDOWN):
        document = read_text(path, kind, limits)
    else:
        document = read_apart(path, kind, limits, progress or (lambda done, total: None))
    if not document.text.strip():
        reasons = " ".join(document.problems[:3])
        raise InvalidFile(f"The file has no text that can be read. {reasons}".strip())
    return document

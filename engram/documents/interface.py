"""What an extracted document is."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What a file is, by its bytes."""

    PDF = "pdf"
    DOCX = "docx"
    PPTX = "pptx"
    EPUB = "epub"
    HTML = "html"
    MARKDOWN = "markdown"
    TEXT = "text"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Piece:
    """A page of a document, or all of one that has none."""

    text: str
    page: int | None = None
    """From 1."""
    problem: str = ""
    """Why a page that has something on it has no text, as a sentence."""


class Mark(NamedTuple):
    """Something that begins at a place in the text."""

    start: int
    name: str


@dataclass(frozen=True, slots=True)
class Document:
    """A file's whole text. Offsets count code points from 0."""

    kind: Kind
    text: str
    pages: Sequence[int] = field(default_factory=tuple)
    """Offset at which page 1, 2, ... begins; empty for a document without pages."""
    headings: Sequence[Mark] = field(default_factory=tuple)
    title: str | None = None
    problems: Sequence[str] = field(default_factory=tuple)
    """What could not be read, a sentence each, naming the page."""

    def page_at(self, offset: int) -> int | None:
        """The page, from 1, on which an offset lies."""
        return bisect_right(self.pages, offset) or None if self.pages else None

    def heading_at(self, offset: int) -> str | None:
        """The last heading at or before an offset."""
        place = bisect_right(self.headings, offset, key=lambda mark: mark.start)
        return self.headings[place - 1].name if place else None


@dataclass(frozen=True, slots=True)
class Chunk:
    """What becomes one record."""

    text: str
    start: int
    """Offset in the document's text; ``text`` is exactly what stands there."""
    page: int | None
    heading: str | None

    @property
    def end(self) -> int:
        return self.start + len(self.text)


PAGE_BREAK = "\n\n"


def joined(kind: Kind, pieces: Sequence[Piece], title: str | None = None) -> Document:
    """One document of its pieces. A sentence that runs over a page's end stays whole."""
    text, pages, problems = [], [], []
    offset = 0
    for piece in pieces:
        if piece.page is not None:
            pages.append(offset)
        if piece.problem:
            problems.append(piece.problem)
        text.append(piece.text)
        offset += len(piece.text) + len(PAGE_BREAK)
    return Document(kind, PAGE_BREAK.join(text), tuple(pages), (), title, tuple(problems))

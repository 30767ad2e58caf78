"""Text files: Markdown, source code, CSV, JSON and whatever else people can read as it is."""

from __future__ import annotations

import re
from pathlib import Path

from engram.documents.interface import Document, Kind, Mark
from engram.documents.limits import Limits
from engram.errors import InvalidFile

HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)
BYTES_PER_CODE_POINT = 4


def read_text(path: Path, kind: Kind, limits: Limits) -> Document:
    """A text file as a document. Blocks. Raises InvalidFile."""
    if path.stat().st_size > BYTES_PER_CODE_POINT * limits.code_points:
        raise too_long(limits)
    text = cleaned(decoded(path.read_bytes()))
    if len(text) > limits.code_points:
        raise too_long(limits)
    headings = markdown_headings(text) if kind is Kind.MARKDOWN else ()
    return Document(kind, text, headings=headings, title=headings[0].name if headings else None)


def decoded(data: bytes) -> str:
    """UTF-8 or UTF-16 by its mark; else UTF-8, else Windows' Western letters, which fit all bytes
    but five."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InvalidFile("The text is in an encoding that is not known; save it as UTF-8.")


def cleaned(text: str) -> str:
    """One kind of line end; no zero characters; halves of surrogate pairs made visible."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    return lines.encode("utf-8", "replace").decode()


def markdown_headings(text: str) -> tuple[Mark, ...]:
    """Lines that begin with number signs, those in code among them."""
    return tuple(Mark(found.start(), found[1]) for found in HEADING.finditer(text))


def too_long(limits: Limits) -> InvalidFile:
    return InvalidFile(
        f"The file has more than {limits.code_points:,} letters. Split it into several files."
    )

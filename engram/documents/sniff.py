"""What a file is, by its bytes: its name may lie."""

from __future__ import annotations

import zipfile
from pathlib import Path

from engram.documents.interface import Kind
from engram.errors import InvalidFile

HEAD_BYTES = 4096
IMAGES = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF87a",
    b"GIF89a",
    b"II*\x00",
    b"MM\x00*",
    b"BM",
)
PICTURE_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis")
MARKUP = (b"<!doctype html", b"<html", b"<head", b"<body")
PARTS = {  # a file that every archive of the kind has
    "word/document.xml": Kind.DOCX,
    "ppt/presentation.xml": Kind.PPTX,
    "META-INF/container.xml": Kind.EPUB,
}
MARKDOWN_NAMES = (".md", ".markdown")
CONTROLS = frozenset(range(32)) - {9, 10, 12, 13, 27}


def kind_of(path: Path, name: str = "") -> Kind:
    """The kind. ``name`` only tells Markdown from other text. Blocks.

    Raises InvalidFile for an empty file and for bytes that are none of the kinds.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise InvalidFile("The file is empty.")
    if b"%PDF-" in head[:1024]:
        return Kind.PDF
    if is_image(head):
        return Kind.IMAGE
    if head.startswith(b"PK\x03\x04"):
        return archive_kind(path)
    if not is_text(head):
        raise InvalidFile(
            "This kind of file is not read. Those that are: PDF, DOCX, PPTX, EPUB, HTML, Markdown, "
            "text, source code, CSV, JSON, and images."
        )
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(MARKUP):
        return Kind.HTML
    return Kind.MARKDOWN if name.lower().endswith(MARKDOWN_NAMES) else Kind.TEXT


def is_image(head: bytes) -> bool:
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    boxed = head[4:8] == b"ftyp" and head[8:12] in PICTURE_BRANDS
    return head.startswith(IMAGES) or webp or boxed


def archive_kind(path: Path) -> Kind:
    """What a ZIP archive is. Raises InvalidFile."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise InvalidFile("The file begins like a ZIP archive and is none.") from None
    for part, kind in PARTS.items():
        if part in names:
            return kind
    raise InvalidFile("A ZIP archive is not read; send the files in it one by one.")


def is_text(head: bytes) -> bool:
    """True if the bytes may be text: UTF-8 or a legacy encoding, without control characters."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True  # UTF-16, which has zero bytes
    return not CONTROLS & set(head)

"""Word, PowerPoint, EPUB and HTML, by kreuzberg: an extra, ``pip install engram-network[docs]``."""

from __future__ import annotations

import importlib.util
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engram.documents.interface import Kind
from engram.documents.plain import cleaned
from engram.errors import InvalidFile

MEDIA_TYPES = {
    Kind.DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    Kind.PPTX: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    Kind.EPUB: "application/epub+zip",
    Kind.HTML: "text/html",
}
READ_BYTES = 1024 * 1024


def pages_of(kind: Kind, path: Path, unpacked: int) -> Iterator[dict[str, Any]]:
    """One piece, or one for each slide. Raises InvalidFile."""
    if importlib.util.find_spec("kreuzberg") is None:
        raise InvalidFile(
            f"To read {kind.upper()} files: pip install engram-network[docs]; or send a PDF."
        )
    if kind is not Kind.HTML:
        require_modest(path, unpacked)
    content, title = extracted(kind, path)
    yield {"pages": 0, "title": title}
    yield {"page": None, "text": cleaned(content), "problem": ""}


def extracted(kind: Kind, path: Path) -> tuple[str, str | None]:
    """Text and title. Raises InvalidFile."""
    import kreuzberg

    try:
        found = kreuzberg.extract_file_sync(str(path), mime_type=MEDIA_TYPES[kind])
    except kreuzberg.KreuzbergError as error:
        first = str(error).splitlines()[0][:160]
        raise InvalidFile(f"The {kind.upper()} file is broken: {first}") from None
    title = found.metadata.get("title") if isinstance(found.metadata, dict) else None
    return found.content, str(title) if title else None


def require_modest(path: Path, most: int) -> None:
    """Raise InvalidFile for an archive that unpacks to more, whatever its directory says."""
    total = 0
    try:
        with zipfile.ZipFile(path) as archive:
            for part in archive.infolist():
                if part.flag_bits & 1:
                    raise InvalidFile("The file is encrypted. Save it without a password.")
                with archive.open(part) as stream:
                    while block := stream.read(READ_BYTES):
                        total += len(block)
                        if total > most:
                            raise InvalidFile(
                                f"{part.filename[:80]} in the file unpacks to more than "
                                f"{most // 2**20} MiB."
                            )
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise InvalidFile(f"The file is broken: {error}") from None

"""Which records a file becomes: one for each chunk, and one that stands for the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from engram.core.limits import MAX_TEXT_CODE_POINTS
from engram.documents.interface import Chunk, Document

DOCUMENT = "document"
OPENING_CODE_POINTS = 600  # some 130 word pieces: title and opening fit what the model reads
Json = dict[str, Any]


class Draft(NamedTuple):
    """A record before it is embedded: ``metadata["text"]`` is what is embedded."""

    metadata: Json

    @property
    def text(self) -> str:
        return str(self.metadata["text"])


def records_of(
    document: Document, chunks: Sequence[Chunk], content_cid: str, given: Mapping[str, Any]
) -> list[Draft]:
    """The document's own record, then its chunks in order.

    ``given`` is the caller's metadata, which goes into every one of them. The same file with the
    same metadata always gives the same records.
    """
    shared = dict(given) | {"content_cid": content_cid, "chunks": len(chunks)}
    if document.title and "title" not in shared:
        shared["title"] = document.title[:MAX_TEXT_CODE_POINTS]
    whole = shared | {"type": DOCUMENT, "text": opening(shared.get("title"), document.text)}
    return [Draft(whole), *(chunk_record(document, c, n, shared) for n, c in enumerate(chunks))]


def chunk_record(document: Document, chunk: Chunk, number: int, shared: Json) -> Draft:
    """One chunk, with where it stands."""
    metadata = shared | {
        "type": str(document.kind),
        "text": chunk.text,
        "chunk": number,
        "start": chunk.start,
        "end": chunk.end,
    }
    if chunk.page is not None:
        metadata["page"] = chunk.page
    return Draft(metadata)


def image_record(
    description: str, source: str, content_cid: str, given: Mapping[str, Any]
) -> Draft:
    """An image, as its description; ``source`` says who described it: a model, or ``ocr``."""
    made = {
        "type": "image",
        "text": description[:MAX_TEXT_CODE_POINTS],
        "description_source": source,
        "content_cid": content_cid,
    }
    return Draft(dict(given) | made)


def opening(title: Any, text: str) -> str:
    """Title and beginning of a text, cut at a word."""
    words = " ".join(text[: 4 * OPENING_CODE_POINTS].split())
    if len(words) > OPENING_CODE_POINTS:
        words = words[:OPENING_CODE_POINTS].rsplit(" ", 1)[0] + " …"
    name = title.strip() if isinstance(title, str) else ""
    return f"{name}\n{words}" if name and not words.startswith(name) else words

"""A file's records: all of its chunks, one for the whole, and the same ones every time."""

from __future__ import annotations

from pathlib import Path

from engram.core import generate_cid
from engram.documents.chunking import Chunker
from engram.documents.interface import Document, Kind
from engram.documents.reading import read_document
from engram.documents.records import OPENING_CODE_POINTS, image_record, opening, records_of
from engram.embedding.files import find_model
from engram.embedding.tokens import WordPieces
from tests.documents import made

CONTENT = "sha256:" + "ab" * 32
GIVEN = {"namespace": "books", "source": "shelf"}


def test_a_record_for_each_chunk_and_one_for_the_whole(tmp_path: Path) -> None:
    said = made.sentences(60)
    path = made.pdf(tmp_path / "book.pdf", [said[:30], said[30:]], title="A book")
    document = read_document(path)
    chunks = Chunker(find_model().tokenizer).chunks(document)
    whole, *parts = records_of(document, chunks, CONTENT, GIVEN)
    assert whole.metadata["type"] == "document"
    assert whole.metadata["chunks"] == len(parts) == len(chunks)
    assert whole.text.startswith("A book\nSentence 0 says")
    assert [part.metadata["chunk"] for part in parts] == list(range(len(chunks)))
    for part in parts:
        place = part.metadata
        assert document.text[place["start"] : place["end"]] == part.text
        assert place | GIVEN | {"content_cid": CONTENT, "type": "pdf", "title": "A book"} == place
    assert parts[0].metadata["page"] == 1
    assert parts[-1].metadata["page"] == 2


def test_the_same_file_gives_the_same_cids(tmp_path: Path) -> None:
    path = made.pdf(tmp_path / "book.pdf", [made.sentences(40)])
    vector = [1.0, *[0.0] * 383]

    def cids() -> list[str]:
        document = read_document(path)
        chunks = Chunker(find_model().tokenizer).chunks(document)
        records = records_of(document, chunks, CONTENT, GIVEN)
        return [generate_cid(vector, record.metadata) for record in records]

    assert cids() == cids()
    assert len(set(cids())) == len(cids())


def test_the_model_reads_all_of_an_opening() -> None:
    text = " ".join(made.sentences(100))
    words = opening("A title", text)
    assert len(words) <= OPENING_CODE_POINTS + 20
    assert WordPieces(find_model().tokenizer).read(words).total <= 256


def test_a_title_is_not_said_twice() -> None:
    assert opening("One", "One\n\ntext") == "One text"
    assert opening(None, "text") == "text"


def test_a_callers_title_wins() -> None:
    document = Document(Kind.TEXT, "text", title="its own")
    [whole] = records_of(document, [], CONTENT, {"title": "given"})
    assert whole.metadata["title"] == "given"


def test_an_image_is_its_description() -> None:
    record = image_record("A cat.", "ocr", CONTENT, GIVEN)
    assert record.metadata == GIVEN | {
        "type": "image",
        "text": "A cat.",
        "description_source": "ocr",
        "content_cid": CONTENT,
    }

"""Every sentence of a file stands in some chunk, exactly as it was, at the place that is named."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.core.limits import MAX_TEXT_CODE_POINTS
from engram.documents.chunking import Chunker
from engram.documents.interface import Document, Kind, Piece, joined
from engram.documents.reading import read_document
from engram.embedding.files import find_model
from engram.embedding.tokens import WordPieces
from tests.documents import made

MODEL_READS = 256


@pytest.fixture(scope="module")
def chunker() -> Chunker:
    return Chunker(find_model().tokenizer)


@pytest.fixture(scope="module")
def pieces() -> WordPieces:
    return WordPieces(find_model().tokenizer)


def squeezed(text: str) -> str:
    return " ".join(text.split())


def test_a_pdf_of_two_hundred_pages(tmp_path: Path, chunker: Chunker, pieces: WordPieces) -> None:
    said = made.sentences(200 * 12)
    pages = [said[at : at + 12] for at in range(0, len(said), 12)]
    path = made.pdf(tmp_path / "book.pdf", pages, title="A book")
    seen: list[tuple[int, int]] = []
    document = read_document(path, progress=lambda done, total: seen.append((done, total)))
    assert (document.kind, document.title, len(document.pages)) == (Kind.PDF, "A book", 200)
    assert seen == [(page, 200) for page in range(1, 201)]
    chunks = chunker.chunks(document)
    assert not any(gap.strip() for gap in made.gaps(document, chunks))
    whole = squeezed(" ".join(chunk.text for chunk in chunks))
    assert all(sentence in whole for sentence in said)
    assert all(pieces.read(chunk.text).total <= MODEL_READS for chunk in chunks)
    inside = next(c for c in chunks if pages[120][5][:18] in squeezed(c.text))
    assert inside.page in (120, 121)  # it may begin on the page before
    assert chunker.chunks(read_document(path)) == chunks


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=3_000), st.sampled_from([Kind.TEXT, Kind.MARKDOWN]))
def test_any_text_at_all(text: str, kind: Kind) -> None:
    document = Document(kind, text)
    chunks = CHUNKER.chunks(document)
    assert not any(gap.strip() for gap in made.gaps(document, chunks))
    for chunk in chunks:
        assert document.text[chunk.start : chunk.end] == chunk.text
        assert 0 < len(chunk.text) <= MAX_TEXT_CODE_POINTS


CHUNKER = Chunker(find_model().tokenizer)


def test_a_word_longer_than_a_record_may_be(chunker: Chunker) -> None:
    document = Document(Kind.TEXT, "x" * (2 * MAX_TEXT_CODE_POINTS + 5))
    chunks = chunker.chunks(document)
    assert [len(c.text) for c in chunks] == [MAX_TEXT_CODE_POINTS, MAX_TEXT_CODE_POINTS, 5]
    assert "".join(c.text for c in chunks) == document.text


def test_overlap_repeats_and_skips_nothing() -> None:
    document = Document(Kind.TEXT, " ".join(made.sentences(200)))
    chunks = Chunker(find_model().tokenizer, overlap=40).chunks(document)
    assert not any(gap.strip() for gap in made.gaps(document, chunks))
    assert any(after.start < before.end for before, after in pairwise(chunks))


@given(st.lists(st.text("ab ", max_size=20), max_size=20), st.data())
def test_the_page_of_an_offset(texts: list[str], data: st.DataObject) -> None:
    document = joined(Kind.PDF, [Piece(text, page) for page, text in enumerate(texts, 1)])
    if not texts:
        assert document.page_at(0) is None
        return
    page = data.draw(st.integers(1, len(texts)))
    if texts[page - 1]:
        inside = data.draw(st.integers(0, len(texts[page - 1]) - 1))
        offset = document.pages[page - 1] + inside
        assert document.text[offset] == texts[page - 1][inside]
        assert document.page_at(offset) == page


def test_headings_of_markdown(tmp_path: Path, chunker: Chunker) -> None:
    path = tmp_path / "page.md"
    path.write_text("# One\n\ntext\n\n## Two ##\n\n" + "word " * 400 + "\n\n### Three\n\nend\n")
    document = read_document(path, "page.md")
    assert document.title == "One"
    assert [mark.name for mark in document.headings] == ["One", "Two", "Three"]
    chunks = chunker.chunks(document)
    assert {"One", "Two"} <= {chunk.heading for chunk in chunks}
    assert chunks[-1].text.endswith("end")


def test_a_word_file(tmp_path: Path, chunker: Chunker) -> None:
    said = made.sentences(30)
    document = read_document(made.docx(tmp_path / "letter.docx", said))
    assert document.kind is Kind.DOCX
    whole = squeezed(" ".join(chunk.text for chunk in chunker.chunks(document)))
    assert all(sentence in whole for sentence in said)


def test_a_page_of_the_web_loses_its_scripts(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(
        "<!doctype html><html><head><title>Name</title><script>alert(1)</script>"
        "<style>p{}</style></head><body><h1>Head</h1><p>One &amp; two.</p></body></html>"
    )
    document = read_document(path, "page.txt")
    assert (document.kind, document.title) == (Kind.HTML, "Name")
    assert "One & two." in document.text
    assert "alert" not in document.text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_in_other_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "text"
    path.write_bytes("Größe\r\nzwei".encode(encoding))
    assert read_document(path).text == "Größe\nzwei"

"""Empty, encrypted, broken and malicious files are refused, in a sentence that says why."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engram.documents.limits import Limits
from engram.documents.reading import read_document
from engram.errors import InvalidFile
from tests.documents import made


def refusal(path: Path, limits: Limits | None = None) -> str:
    with pytest.raises(InvalidFile) as refused:
        read_document(path, path.name, limits)
    return refused.value.message


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.pdf"
    path.touch()
    assert "empty" in refusal(path)


def test_white_space_only(tmp_path: Path) -> None:
    path = tmp_path / "blank.txt"
    path.write_text(" \n\t\n")
    assert "no text" in refusal(path)


def test_an_encrypted_pdf(tmp_path: Path) -> None:
    assert "encrypted" in refusal(made.encrypted_pdf(tmp_path / "secret.pdf"))


def test_a_pdf_cut_off_in_the_middle(tmp_path: Path) -> None:
    path = made.pdf(tmp_path / "book.pdf", [["One."]])
    path.write_bytes(path.read_bytes()[:200])
    assert "broken" in refusal(path)


def test_a_page_without_text_is_named(tmp_path: Path) -> None:
    document = read_document(made.scanned_pdf(tmp_path / "scan.pdf"))
    assert "first page" in document.text
    [problem] = document.problems
    assert "Page 2" in problem


def test_too_many_pages(tmp_path: Path) -> None:
    path = made.pdf(tmp_path / "book.pdf", [["One."]] * 12)
    assert "12 pages, more than 11" in refusal(path, Limits(pages=11))


def test_too_long_a_text(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("a" * 101)
    assert "more than 100 letters" in refusal(path, Limits(code_points=100))


def test_too_long_a_document(tmp_path: Path) -> None:
    path = made.pdf(tmp_path / "book.pdf", [made.sentences(20)] * 3)
    assert "letters" in refusal(path, Limits(code_points=500))


def test_a_zip_bomb(tmp_path: Path) -> None:
    path = made.zip_bomb(tmp_path / "bomb.docx", 40)
    assert path.stat().st_size < 100_000
    assert "unpacks to more than 20 MiB" in refusal(path, Limits(unpacked_bytes=20 * 2**20))


def test_an_archive_that_is_no_document(tmp_path: Path) -> None:
    path = tmp_path / "files.zip"
    path.write_bytes(made.docx(tmp_path / "a.docx", ["x"]).read_bytes().replace(b"word/", b"wurd/"))
    assert "one by one" in refusal(path)


def test_a_torn_archive(tmp_path: Path) -> None:
    path = made.docx(tmp_path / "a.docx", ["x"])
    path.write_bytes(path.read_bytes()[:-30])
    assert "ZIP archive and is none" in refusal(path)


def test_a_program_is_no_document(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(b"\x7fELF" + bytes(100))
    assert "Those that are" in refusal(path)


def test_html_that_claims_to_be_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_text("<!doctype html><p>no picture</p>")
    assert read_document(path, path.name).text.strip() == "no picture"


def test_a_picture_that_claims_to_be_text(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    assert "image" in refusal(path)


def worker_that_runs(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Another worker in the place of ours, as a file would make it behave."""
    popen = subprocess.Popen

    def other(_: list[str], **options: Any) -> Any:
        return popen([sys.executable, "-c", code], **options)

    monkeypatch.setattr("engram.documents.process.subprocess.Popen", other)


def test_a_reader_that_crashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made.pdf(tmp_path / "book.pdf", [["One."]])
    worker_that_runs(
        monkeypatch,
        'import os; print(\'{"pages": 2, "title": null}\', flush=True);'
        'print(\'{"page": 1, "text": "a", "problem": ""}\', flush=True); os.abort()',
    )
    assert "after page 1 of 2" in refusal(path)


def test_a_reader_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made.pdf(tmp_path / "book.pdf", [["One."]])
    worker_that_runs(monkeypatch, "import time; time.sleep(600)")
    assert "too long" in refusal(path, Limits(silence_s=0.2))


def test_a_reader_that_wants_all_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made.pdf(tmp_path / "book.pdf", [["One."]])
    worker_that_runs(
        monkeypatch,
        "from engram.documents import worker\n"
        "def read(*_):\n    bytearray(10**12)\n    yield {}\n"
        "worker.read = read\n"
        f"worker.main('pdf', {str(path)!r}, str(2**30), '1')",
    )
    assert "memory" in refusal(path)

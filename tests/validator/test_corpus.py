"""Where the texts come from: each secret passage once, recombined sentences without end."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from engram.cli.corpus import passages as bundled
from engram.errors import InvalidInput
from engram.validator.corpus import FEWEST, Corpus, read_passages
from tests.validator.world import passages


def test_a_secret_corpus_gives_each_passage_once() -> None:
    texts = passages(count=30)
    corpus = Corpus(texts, Random(1), secret=True)
    assert sorted(corpus.text() for _ in texts) == sorted(texts)
    assert corpus.unused == 0
    assert corpus.text() not in texts


def test_the_bundled_texts_are_never_handed_out_whole() -> None:
    texts = [passage["text"] for passage in bundled()]
    corpus = Corpus(texts, Random(1), secret=False)
    assert not set(texts) & {corpus.text() for _ in range(2_000)}


def test_names_are_those_that_people_give() -> None:
    corpus = Corpus(passages(), Random(1), secret=True)
    names = [corpus.name() for _ in range(200)]
    assert len(set(names)) > 150
    assert all(name.replace("-", "").replace("_", "").isalnum() for name in names)


def test_a_small_corpus_is_refused() -> None:
    with pytest.raises(InvalidInput, match=f"at least {FEWEST}"):
        Corpus(["too short"] * 100, Random(1), secret=True)


def test_files_and_folders_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("first paragraph\nover two lines\n\nsecond paragraph\n")
    (tmp_path / "b.jsonl").write_text(json.dumps({"text": "a line"}) + "\n\n")
    (tmp_path / "c.pdf").write_bytes(b"not read")
    found = read_passages(tmp_path)
    assert [" ".join(p.split()) for p in found] == [
        "first paragraph over two lines",
        "second paragraph",
        "a line",
    ]
    assert read_passages(tmp_path / "b.jsonl") == ["a line"]


@pytest.mark.parametrize("line", ["{", '{"txt": "a"}', '{"text": 7}', "[]"])
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text('{"text": "good"}\n' + line)
    with pytest.raises(InvalidInput, match=r"c\.jsonl:2"):
        read_passages(path)


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is not there"):
        read_passages(tmp_path / "none")

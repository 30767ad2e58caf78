"""A corpus of a few hundred sentences, so that a benchmark runs in seconds."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from benchmarks.data import HELD_OUT
from benchmarks.scale import Scale

SUBJECTS = ("The index", "A record", "One miner", "Every query", "The embedder", "A snapshot")
VERBS = ("keeps", "returns", "forgets", "compares", "repeats")
OBJECTS = ("the oldest vector", "a page of results", "its own settings", "what it was given")
WHENS = ("before the next commit", "while others wait", "after a restart", "when asked twice")
ENDS = ("", ", and the log says so", ", and everybody who reads the log knows the reason why")
RECORDS = 300


@pytest.fixture
def scale(tmp_path: Path) -> Scale:
    """Sizes at which a benchmark shows that it works, and nothing about speed."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "texts.json").write_bytes(orjson.dumps(sentences(HELD_OUT + RECORDS)))
    return Scale(
        records=RECORDS,
        queries=20,
        ingest=280,
        texts=8,
        runs=1,
        loaded_seconds=0.5,
        miners=6,
        corpus=corpus,
    )


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Where a benchmark keeps its data directories."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def sentences(count: int) -> list[str]:
    """Distinct English sentences of a dozen to two dozen words."""
    return [
        f"{SUBJECTS[n % 6]} {VERBS[n % 5]} {OBJECTS[n % 4]} {WHENS[n // 4 % 4]}, as in case {n}"
        f"{ENDS[n // 3 % 3]}."
        for n in range(count)
    ]

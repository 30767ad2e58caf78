"""256 word pieces are read, whatever the tokenizer's own file says, and none is added."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engram.embedding import Embedder
from engram.embedding.files import ModelFiles
from engram.embedding.tokens import WordPieces

FITS = "word " * 254  # with [CLS] and [SEP]: 256


def test_the_file_says_otherwise(model: ModelFiles) -> None:
    """If it did not, the overrides would have nothing to override."""
    said = json.loads(model.tokenizer.read_text(encoding="utf-8"))
    assert said["truncation"]["max_length"] == 128
    assert said["padding"]["strategy"] == {"Fixed": 128}


def test_a_text_of_256_pieces_is_read_whole(embedder: Embedder) -> None:
    assert embedder.count_tokens(FITS) == 256
    assert not embedder.embed([FITS])[0].truncated


@pytest.mark.parametrize("ending", ["word", "harbour " * 50, "\U0001f600"])
def test_of_a_longer_text_the_beginning_is_read(embedder: Embedder, ending: str) -> None:
    whole, cut = embedder.embed([FITS, FITS + ending])
    assert cut.truncated
    assert cut.vector.tobytes() == whole.vector.tobytes()


def test_pieces_beyond_128_count(embedder: Embedder) -> None:
    short, long = embedder.embed(["word " * 126, "word " * 126 + "harbour " * 100])
    assert not long.truncated
    assert float(short.vector @ long.vector) < 0.9


def test_the_cut_keeps_the_closing_token(model: ModelFiles) -> None:
    read = WordPieces(model.tokenizer).read("word " * 1000)
    assert (len(read.ids), read.total) == (256, 1002)
    assert (read.ids[0], read.ids[-1]) == (101, 102)
    assert read.ids.dtype == np.int64


@pytest.mark.parametrize(("text", "pieces"), [("", 2), ("\x00", 2), ("cat", 3), ("cat cat", 4)])
def test_nothing_is_padded(model: ModelFiles, text: str, pieces: int) -> None:
    read = WordPieces(model.tokenizer).read(text)
    assert (len(read.ids), read.total, read.truncated) == (pieces, pieces, False)
    assert 0 not in read.ids

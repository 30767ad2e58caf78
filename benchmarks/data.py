"""100,000 real embeddings and 1,000 held-out queries: real sentences, the project's own embedder.

``python -m benchmarks.data`` makes them. Every 1,000 finished texts are kept, so that a run that
was stopped goes on where it was; later benchmarks only read.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson

from benchmarks.bare import Vectors
from benchmarks.scale import FULL, Scale
from benchmarks.texts import english_sentences
from engram.config import EmbedderSettings
from engram.embedding import open_embedder
from engram.embedding.interface import Embedder

CHUNK = 1_000
HELD_OUT = FULL.queries


@dataclass(frozen=True, slots=True)
class Corpus:
    """Sentences and embeddings, row by row. Vectors are float32, shape (n, 384), unit norm."""

    texts: list[str]
    vectors: Vectors
    query_texts: list[str]
    queries: Vectors


def load_corpus(scale: Scale) -> Corpus:
    """Read what is kept, and embed what is missing. The queries are never among the records."""
    sentences = load_sentences(scale)
    rows = _vectors(scale.corpus, sentences, HELD_OUT + scale.records)
    last = HELD_OUT + scale.records
    return Corpus(
        texts=sentences[HELD_OUT:last],
        vectors=rows[HELD_OUT:],
        query_texts=sentences[: scale.queries],
        queries=rows[: scale.queries],
    )


def blends(vectors: Vectors, count: int, seed: int) -> Vectors:
    """Fresh vectors near real ones, where more are needed than there are: halfway between two."""
    random = np.random.default_rng(seed)
    pairs = random.integers(len(vectors), size=(count, 2))
    middle = vectors[pairs[:, 0]] + random.uniform(0.3, 0.7) * vectors[pairs[:, 1]]
    return np.asarray(middle / np.linalg.norm(middle, axis=1, keepdims=True), dtype=np.float32)


def load_sentences(scale: Scale) -> list[str]:
    """All sentences; they are gathered once, which takes half a minute."""
    folder = scale.corpus
    kept = folder / "texts.json"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _replace(kept, orjson.dumps(english_sentences(HELD_OUT + FULL.records)))
    sentences: list[str] = orjson.loads(kept.read_bytes())
    return sentences


def _vectors(folder: Path, sentences: Sequence[str], count: int) -> Vectors:
    if len(sentences) < count:
        raise LookupError(f"{folder} holds {len(sentences):,} sentences; {count:,} are needed")
    starts = range(0, count, CHUNK)
    missing = [start for start in starts if not _chunk(folder, start).exists()]
    if missing:
        _embed(folder, sentences, missing)
    return np.concatenate([np.load(_chunk(folder, start)) for start in starts])[:count]


def _embed(folder: Path, sentences: Sequence[str], starts: Sequence[int]) -> None:
    embedder = open_embedder(EmbedderSettings())
    for done, start in enumerate(starts, start=1):
        texts = sentences[start : start + CHUNK]
        embedded = embedder.embed(texts, threads=os.cpu_count() or 1)
        _save(_chunk(folder, start), np.stack([one.vector for one in embedded]))
        print(f"  embedded {done * CHUNK:,} of {len(starts) * CHUNK:,} texts", flush=True)


def _chunk(folder: Path, start: int) -> Path:
    return folder / f"vectors-{start:06d}.npy"


def _save(path: Path, rows: Vectors) -> None:
    partial = path.with_suffix(".partial.npy")
    np.save(partial, rows)
    partial.replace(path)


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_suffix(".partial")
    partial.write_bytes(content)
    partial.replace(path)


def texts_of_length(
    embedder: Embedder, sentences: Sequence[str], tokens: int, count: int
) -> list[str]:
    """``count`` distinct texts of about ``tokens`` word pieces, by joining whole sentences."""
    texts: list[str] = []
    parts: list[str] = []
    for sentence in sentences:
        parts.append(sentence)
        length = embedder.count_tokens(" ".join(parts))
        if length < 0.9 * tokens:
            continue
        if length <= 1.1 * tokens:
            texts.append(" ".join(parts))
            if len(texts) == count:
                return texts
        parts = []
    raise LookupError(f"too few sentences for {count} texts of {tokens} word pieces")


if __name__ == "__main__":
    corpus = load_corpus(FULL)
    print(f"{len(corpus.vectors):,} records and {len(corpus.queries):,} queries in {FULL.corpus}")

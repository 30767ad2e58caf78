"""A data directory with every record of the corpus in it, made once and copied for each use."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.bare import Vectors
from benchmarks.data import Corpus
from engram.config import StoreSettings
from engram.core import generate_cids
from engram.errors import Overloaded
from engram.protocol import MAX_BATCH
from engram.storage import open_store
from engram.storage.interface import NewRecord, Stored, VectorStore

GROUPS = 1_000
"""Records carry their row number modulo this, so that filters can keep any share of them."""
TOPICS = 50
"""Each record is filed under the nearest of the first so many records: a filter on one topic keeps
a tight cluster, which is where a graph that was built over everything loses its way."""


def topics_of(vectors: Vectors) -> NDArray[np.intp]:
    """The topic of each row."""
    return np.asarray(np.argmax(vectors @ vectors[:TOPICS].T, axis=1))


def records(texts: Sequence[str], vectors: Vectors, first: int = 0) -> list[NewRecord]:
    """Ready to store: metadata as the SDK would send it, and numbers to find and filter by."""
    metadatas = [
        {"text": text, "namespace": "default", "row": row, "group": row % GROUPS}
        for row, text in enumerate(texts, start=first)
    ]
    return _sealed(vectors, metadatas)


def filed_records(corpus: Corpus) -> list[NewRecord]:
    """The whole corpus, with each record's topic."""
    plain = records(corpus.texts, corpus.vectors)
    topics = topics_of(corpus.vectors).tolist()
    metadatas = [{**new.metadata, "topic": t} for new, t in zip(plain, topics, strict=True)]
    return _sealed(corpus.vectors, metadatas)


def _sealed(vectors: Vectors, metadatas: list[dict[str, Any]]) -> list[NewRecord]:
    cids = generate_cids(vectors, metadatas)
    return [NewRecord(*fields) for fields in zip(cids, vectors, metadatas, strict=True)]


def store_all(store: VectorStore, fresh: Sequence[NewRecord]) -> None:
    """Store everything in batches, as fast as the store takes it."""
    waiting: list[Future[list[Stored | Exception]]] = []
    for start in range(0, len(fresh), MAX_BATCH):
        waiting.append(_submit(store, fresh[start : start + MAX_BATCH]))
        if len(waiting) > 8:
            waiting.pop(0).result()
    for future in waiting:
        future.result()


def _submit(store: VectorStore, batch: Sequence[NewRecord]) -> Future[list[Stored | Exception]]:
    while True:
        try:
            return store.submit(batch)
        except Overloaded:
            time.sleep(0.05)  # the tail is full: the index is behind


@contextmanager
def filled_copy(corpus: Corpus, work: Path) -> Iterator[Path]:
    """A copy of the filled data directory that may be changed; it is gone afterwards."""
    filled = work / "filled"
    if not filled.exists():
        _fill(filled, corpus)
    copy = work / "copy"
    shutil.copytree(filled, copy)
    try:
        yield copy
    finally:
        shutil.rmtree(copy)


def _fill(folder: Path, corpus: Corpus) -> None:
    store = open_store(folder, StoreSettings())
    try:
        store_all(store, filed_records(corpus))
        if not store.drain(timeout=1_800):
            raise TimeoutError("the index did not drain")
        store.snapshot()
    finally:
        store.close()

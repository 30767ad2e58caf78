"""A data directory with every record of the corpus in it, made once and copied for each use."""

from __future__ import annotations

import shutil
from collections import deque
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
from engram.protocol import MAX_BATCH
from engram.storage import EmbeddedStore, open_store
from engram.storage.interface import NewRecord, Stored

IN_FLIGHT = 16
"""Batches that wait for their commit at a time."""
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


def store_all(store: EmbeddedStore, fresh: Sequence[NewRecord]) -> None:
    """Store everything in batches, as fast as the store takes it."""
    waiting: deque[Future[list[Stored | Exception]]] = deque()
    for start in range(0, len(fresh), MAX_BATCH):
        store.wait_for_room()
        waiting.append(store.submit(fresh[start : start + MAX_BATCH]))
        if len(waiting) > IN_FLIGHT:
            waiting.popleft().result()
    for future in waiting:
        future.result()


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

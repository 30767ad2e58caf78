"""The floors: what FAISS and exact arithmetic do on the same vectors with nothing around them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import faiss
import numpy as np
from numpy.typing import NDArray

from engram.config import StoreSettings

TOP_K = 10
Vectors = NDArray[np.float32]
"""float32, shape (n, 384), unit norm."""


def empty_index(settings: StoreSettings) -> faiss.IndexHNSWFlat:
    """The index of the store, with its parameters and nothing in it."""
    index = faiss.IndexHNSWFlat(384, settings.hnsw_m, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = settings.ef_construction
    index.hnsw.efSearch = settings.ef_search
    return index


@contextmanager
def threads(count: int) -> Iterator[None]:
    """FAISS with this many threads inside the block."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(count)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def insert_rate(vectors: Vectors, settings: StoreSettings, thread_count: int) -> float:
    """Vectors per second into a fresh index, all in one call."""
    index = empty_index(settings)
    with threads(thread_count):
        began = time.perf_counter()
        index.add(vectors)
        return len(vectors) / (time.perf_counter() - began)


def built_index(vectors: Vectors, settings: StoreSettings, folder: Path) -> faiss.IndexHNSWFlat:
    """An index over all vectors; kept in ``folder``, since only its searches are measured."""
    path = folder / f"hnsw-{settings.hnsw_m}-{settings.ef_construction}-{len(vectors)}.faiss"
    if not path.exists():
        fresh = empty_index(settings)
        fresh.add(vectors)
        faiss.write_index(fresh, str(path))
    index = cast(faiss.IndexHNSWFlat, faiss.read_index(str(path)))
    index.hnsw.efSearch = settings.ef_search
    return index


def search_latencies(index: faiss.IndexHNSWFlat, queries: Vectors) -> NDArray[np.float64]:
    """Seconds of each search, one at a time on one thread."""
    latencies = np.zeros(len(queries))
    with threads(1):
        for number in range(len(queries)):
            began = time.perf_counter()
            index.search(queries[number : number + 1], TOP_K)
            latencies[number] = time.perf_counter() - began
    return latencies


def nearest(vectors: Vectors, queries: Vectors, keep: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Row numbers of the exact ``TOP_K`` nearest kept vectors of each query; all if fewer."""
    rows = np.flatnonzero(keep)
    count = min(TOP_K, len(rows))
    found = np.empty((len(queries), count), dtype=np.intp)
    for start in range(0, len(queries), 100):
        scores = queries[start : start + 100] @ vectors[rows].T
        best = np.argpartition(-scores, count - 1, axis=1)[:, :count]
        found[start : start + 100] = rows[best]
    return found

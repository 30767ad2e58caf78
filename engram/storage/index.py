"""The approximate index: FAISS HNSW, inner product over unit vectors, behind a lock.

FAISS crashes the process when one thread searches an index to which another adds, because adding
moves the arrays under the search. So every search holds ``reading()`` and every add is alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from engram.config import StoreSettings
from engram.core.limits import DIMENSIONS
from engram.errors import StorageFull
from engram.storage.rwlock import ReadersWriterLock
from engram.storage.tail import Vectors

Slots = NDArray[np.int64]
"""Numbers of vectors, shape (n,): slot s is the s-th distinct vector that was stored."""


class Index:
    """HNSW over the slots from 0 to ``count``."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._lock = ReadersWriterLock()

    @classmethod
    def empty(cls, settings: StoreSettings) -> Index:
        """A new index with these settings."""
        graph = faiss.IndexHNSWFlat(DIMENSIONS, settings.hnsw_m, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction = settings.ef_construction
        return cls(graph)

    @classmethod
    def read(cls, path: Path) -> Index:
        """Load a file that ``write`` made. The caller has verified its hash."""
        return cls(faiss.read_index(str(path)))

    def write(self, path: Path) -> None:
        """Save to a file. Only the thread that adds may call this. Raises StorageFull."""
        try:
            faiss.write_index(self._graph, str(path))
        except RuntimeError as error:  # FAISS has no other
            raise StorageFull(f"the index could not be written: {error}") from error

    @property
    def count(self) -> int:
        """Vectors in the index; steady while ``reading()`` is held."""
        return int(self._graph.ntotal)

    def add(self, vectors: Vectors) -> float:
        """Give the next slots to these vectors; seconds for which the lock was held."""
        with self._lock.writing():
            started = time.perf_counter()
            self._graph.add(vectors)
            return time.perf_counter() - started

    def add_unseen(self, vectors: Vectors) -> None:
        """Add without the lock, while no other thread knows of this index."""
        self._graph.add(vectors)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold off adds; the methods below need it."""
        with self._lock.reading():
            yield

    def nearest(
        self, unit: Vectors, count: int, breadth: int, allowed: NDArray[np.bool_] | None
    ) -> Slots:
        """Up to ``count`` slots near a unit vector (1, 384), among those allowed (count,)."""
        options: dict[str, Any] = {"efSearch": max(breadth, count)}
        if allowed is not None:
            bitmap = np.packbits(allowed, bitorder="little")
            options["sel"] = faiss.IDSelectorBitmap(bitmap)
        return self._search(self._graph, unit, count, faiss.SearchParametersHNSW(**options))

    def nearest_among(self, unit: Vectors, count: int, slots: Slots) -> Slots:
        """Exactly the ``count`` nearest of the given slots."""
        selector = faiss.IDSelectorArray(slots)
        options = faiss.SearchParameters(sel=selector)
        return self._search(self._graph.storage, unit, min(count, len(slots)), options)

    def vectors(self, slots: Slots) -> Vectors:
        """A copy of the vectors of these slots, shape (n, 384)."""
        return self.stored()[slots]

    def stored(self) -> Vectors:
        """All vectors, not copied: valid until the next add."""
        flat = faiss.downcast_index(self._graph.storage)
        components: Vectors = faiss.rev_swig_ptr(flat.get_xb(), self.count * DIMENSIONS)
        return components.reshape(-1, DIMENSIONS)

    @staticmethod
    def _search(index: Any, unit: Vectors, count: int, options: Any) -> Slots:
        if not count or not index.ntotal:
            return np.empty(0, np.int64)
        _, found = index.search(unit, count, params=options)
        slots: Slots = found[0][found[0] >= 0]
        return slots

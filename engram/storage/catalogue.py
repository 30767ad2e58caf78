"""Everything in memory that makes records findable: rows, columns, exact tail and index.

One thread (the writer) appends and removes, one thread (the drainer) moves vectors from the tail
into the index, any thread searches. Searches need no lock over rows and columns, because counts
are published last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from engram.config import StoreSettings
from engram.core.limits import DIMENSIONS, EMBEDDING_BYTES, MAX_SQUARES, MIN_SQUARES
from engram.storage.columns import Columns
from engram.storage.filters import Filters
from engram.storage.index import Index, Slots
from engram.storage.records import Records
from engram.storage.row import Row, decode_metadata
from engram.storage.rows import Mask, RowNumbers, Rows
from engram.storage.tail import Tail, Vectors


class Fresh(NamedTuple):
    """Records that were just committed."""

    sequences: Sequence[int]
    digests: Sequence[bytes]
    units: Vectors
    metadatas: Sequence[dict[str, Any]]


class Catalogue:
    """The searchable state of one store."""

    def __init__(
        self,
        records: Records,
        settings: StoreSettings,
        *,
        index: Index | None = None,
        rows: Rows | None = None,
        columns: Columns | None = None,
    ) -> None:
        key = records.database_id
        self._records = records
        self.settings = settings
        self.index = index or Index.empty(settings)
        self.rows = rows or Rows(key)
        self.columns = columns or Columns(key)
        self.tail = Tail(self.index.count)
        self.filters = Filters(self.columns, self.metadata)

    def append(self, fresh: Fresh) -> None:
        """Make committed records searchable."""
        slots, new = self.rows.place(fresh.units)
        self.tail.append(fresh.units[new])
        self.columns.append(self.rows.count, fresh.metadatas)
        self.rows.append(fresh.sequences, b"".join(fresh.digests), slots)

    def metadata(self, rows: RowNumbers) -> list[dict[str, Any] | None]:
        """The metadata of rows, from the truth; None where it is gone or damaged."""
        sequences = self.rows.sequence.view()[rows].tolist()
        found = self._records.metadata(sequences)
        return [decode_metadata(found[s]) if s in found else None for s in sequences]

    def matching(self, where: Any, count: int) -> Mask:
        """Which of the first ``count`` rows are alive and match a filter (None: all do)."""
        alive = self.rows.alive.view(count)
        return alive.copy() if where is None else alive & self.filters.mask(where, count)

    def vectors(self, slots: Slots) -> Vectors:
        """A copy of the vectors of these slots, wherever they are."""
        found = np.empty((len(slots), DIMENSIONS), np.float32)
        with self.index.reading():
            indexed = slots < self.index.count
            found[indexed] = self.index.vectors(slots[indexed])
            tail = self.tail.blocks(self.index.count, self.rows.visible_slots)
        for first, block in tail:
            here = (slots >= first) & (slots < first + len(block))
            found[here] = block[slots[here] - first]
        return found

    def dead_slots(self) -> int:
        """Vectors in the index that no live record has."""
        return self.rows.dead_slots(self.index.count)

    def compacted(self, index: Index, kept: Slots) -> Catalogue:
        """A catalogue without dead rows over a rebuilt index, while nothing changes.

        ``index`` holds the slots ``kept`` (ascending, all in the present index) in that order.
        Slots that came back to life since ``kept`` was chosen, and those in the tail, follow.
        """
        old, end = self.rows, self.index.count
        alive = old.alive.view(old.count).copy()
        revived = np.setdiff1d(np.flatnonzero(old.slot_mask(alive, end)), kept)
        survivors = np.concatenate([kept, revived, np.arange(end, old.slots)])
        made = Catalogue(
            self._records,
            self.settings,
            index=index,
            rows=old.kept(alive, survivors),
            columns=self.columns.kept(alive),
        )
        made.tail.append(self.index.vectors(revived))
        for _, vectors in self.tail.blocks(end, old.slots):
            made.tail.append(vectors)
        return made


def fresh_rows(rows: Sequence[Row]) -> tuple[Fresh, list[Row]]:
    """Committed rows ready to be appended, and those too damaged to be searched."""
    intact, damaged, metadatas = [], [], []
    for row in rows:
        metadata = decode_metadata(row.metadata)
        if metadata is None or len(row.embedding) != EMBEDDING_BYTES:
            damaged.append(row)
        else:
            intact.append(row)
            metadatas.append(metadata)
    units, valid = units_of([row.embedding for row in intact])
    damaged += [row for row, ok in zip(intact, valid, strict=True) if not ok]
    good = [pair for pair, ok in zip(zip(intact, metadatas, strict=True), valid, strict=True) if ok]
    return Fresh(
        [row.sequence for row, _ in good],
        [row.digest for row, _ in good],
        units[valid],
        [metadata for _, metadata in good],
    ), damaged


def units_of(embeddings: Sequence[bytes]) -> tuple[Vectors, Mask]:
    """Each embedding scaled to unit norm, and whether it is one that may be scaled."""
    exact = np.frombuffer(b"".join(embeddings), "<f4").reshape(-1, DIMENSIONS).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        squares = np.add.reduce(exact * exact, axis=1)
        valid = (squares >= MIN_SQUARES) & (squares <= MAX_SQUARES)
    norms = np.sqrt(np.where(valid, squares, 1.0))
    return (exact / norms[:, None]).astype(np.float32), valid

"""One search: candidates from index and tail, exact scores, rows in order, hits from the truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engram.core.where import Where, matches
from engram.errors import StoreCorrupt
from engram.storage.catalogue import Catalogue
from engram.storage.index import Slots
from engram.storage.interface import Hit
from engram.storage.records import Records
from engram.storage.row import Row
from engram.storage.rows import Mask, RowNumbers
from engram.storage.tail import Vectors

SCAN_ROWS = 2_000  # below this a scan is as fast as HNSW with a filter, and exact
SCAN_SHARE = 0.1  # HNSW recall falls when the filter keeps less (0.65 at 2 %)
MAX_BREADTH = 4_096
_SPARE = 8  # candidates beyond top_k, so that rounding cannot cost the last place


@dataclass
class Found:
    """Hits, and the records that were met and are damaged."""

    hits: list[Hit] = field(default_factory=list)
    damaged: list[Row] = field(default_factory=list)


class Search:
    """A search over one catalogue, repeated with exclusions until top_k is full."""

    def __init__(
        self, catalogue: Catalogue, records: Records, unit: Vectors, where: Where | None
    ) -> None:
        self._catalogue = catalogue
        self._records = records
        self._unit = unit.reshape(1, -1)
        self._where = where
        self._excluded: list[int] = []

    def run(self, top_k: int) -> Found:
        """The best ``top_k`` records, highest score first, ties by CID."""
        found = Found()
        while True:
            rows, scores = self._nearest(top_k)
            hits = list(self._hits(rows, scores, found))
            if len(hits) == len(rows):
                found.hits = hits
                return found

    def _hits(self, rows: RowNumbers, scores: NDArray[np.float32], found: Found) -> Iterator[Hit]:
        """What the truth says of each row; a row that it denies is excluded from now on."""
        sequences = self._catalogue.rows.sequence.view()[rows].tolist()
        stored = self._records.rows(sequences)
        for row, sequence, score in zip(rows.tolist(), sequences, scores.tolist(), strict=True):
            hit = self._hit(stored.get(sequence), score, found)
            if hit is None:
                self._excluded.append(row)
            else:
                yield hit

    def _hit(self, row: Row | None, score: float, found: Found) -> Hit | None:
        if row is None:  # deleted since this search began
            return None
        try:
            record = row.decode()
        except StoreCorrupt:
            found.damaged.append(row)
            return None
        if self._where is not None and not matches(self._where, record.metadata):
            return None  # two values share a token
        return Hit(record.cid, score, record.metadata, record.text, record.stored_at)

    def _nearest(self, top_k: int) -> tuple[RowNumbers, NDArray[np.float32]]:
        """The best rows and their scores, in the order of the results."""
        rows_of, mask = self._catalogue.rows, self._row_mask()
        slots, scores = self._nearest_slots(top_k + _SPARE, mask)
        rows = rows_of.rows_of(slots, rows_of.count if mask is None else len(mask))
        if mask is not None:
            rows = rows[mask[rows]]
        by_slot = np.argsort(slots)
        row_slots = rows_of.slot.view()[rows]
        row_scores = scores[by_slot[np.searchsorted(slots[by_slot], row_slots)]]
        digests = rows_of.cid.view()[rows].view(">u8")
        order = np.lexsort((*digests.T[::-1], -row_scores))[:top_k]
        return rows[order], row_scores[order]

    def _row_mask(self) -> Mask | None:
        """Rows that may be found; None when all may."""
        rows = self._catalogue.rows
        everything = self._where is None and not self._excluded and rows.living == rows.count
        if everything:
            return None
        mask = self._catalogue.matching(self._where, rows.count)
        mask[self._excluded] = False
        return None if mask.all() else mask

    def _nearest_slots(self, count: int, mask: Mask | None) -> tuple[Slots, NDArray[np.float32]]:
        """Slots of the nearest vectors with their exact scores."""
        index, rows = self._catalogue.index, self._catalogue.rows
        with index.reading():
            indexed = index.count
            end = rows.visible_slots
            tail = self._catalogue.tail.blocks(indexed, end)
            allowed = None if mask is None else rows.slot_mask(mask, end)
            near = self._with_own(self._nearest_indexed(count, allowed), allowed)
            vectors = index.vectors(near)
        slots, pieces = [near], [vectors]
        for first, block in tail:
            best = _best_of_block(self._unit[0], block, first, count, allowed)
            slots.append(best)
            pieces.append(block[best - first])
        return np.concatenate(slots), exact_scores(np.concatenate(pieces), self._unit[0])

    def _nearest_indexed(self, count: int, allowed: Mask | None) -> Slots:
        index, breadth = self._catalogue.index, self._catalogue.settings.ef_search
        if allowed is None:
            kept, near = index.count, index.nearest(self._unit, count, breadth, None)
        else:
            allowed = allowed[: index.count]
            kept = int(np.count_nonzero(allowed))
            if kept <= max(SCAN_ROWS, SCAN_SHARE * index.count):
                return index.nearest_among(self._unit, count, np.flatnonzero(allowed))
            wider = min(MAX_BREADTH, breadth * index.count // kept)
            near = index.nearest(self._unit, count, wider, allowed)
        if len(near) == min(count, kept):
            return near
        every = np.arange(index.count) if allowed is None else np.flatnonzero(allowed)
        return index.nearest_among(self._unit, count, every)  # the graph did not reach enough

    def _with_own(self, near: Slots, allowed: Mask | None) -> Slots:
        """What was stored is always found by its own vector, though HNSW promises nothing."""
        own = self._catalogue.rows.slot_of(self._unit[0])
        if own is None or own >= self._catalogue.index.count or own in near:
            return near
        return np.append(near, own) if allowed is None or allowed[own] else near


def exact_scores(vectors: Vectors, unit: Vectors) -> NDArray[np.float32]:
    """Cosine similarities of unit vectors, -1..1.

    Every score comes from here, one row at a time in binary64, so that equal vectors tie exactly
    wherever they were found.
    """
    products = vectors.astype(np.float64) * unit.astype(np.float64)
    scores: NDArray[np.float32] = np.add.reduce(products, axis=1).clip(-1, 1).astype(np.float32)
    return scores


def _best_of_block(
    unit: Vectors, block: Vectors, first: int, count: int, allowed: Mask | None
) -> Slots:
    """Slots of the ``count`` nearest vectors in one block of the tail."""
    scores = block @ unit
    if allowed is not None:
        here = np.flatnonzero(allowed[first : first + len(block)])
        scores = scores[here]
    else:
        here = np.arange(len(block))
    if len(scores) > count:
        here = here[np.argpartition(-scores, count)[:count]]
    return here + first

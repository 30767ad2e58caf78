"""Which record has which vector: rows in order of arrival, slots in order of first sight.

A row is one stored record, a slot one distinct vector. Identical vectors hurt an HNSW graph, so
all records with the same vector share one slot.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engram.storage.growing import Growing
from engram.storage.tail import Vectors

Mask = NDArray[np.bool_]
RowNumbers = NDArray[np.int64]

_FINGERPRINT_BYTES = 16  # keyed BLAKE2b: two vectors never share one by chance or by design
_NO_ROW = -1


class RowArrays(NamedTuple):
    """Rows as a snapshot keeps them; all of one length but ``fingerprint`` (one per slot)."""

    sequence: NDArray[np.int64]
    cid: NDArray[np.uint8]
    slot: NDArray[np.int32]
    alive: Mask
    fingerprint: NDArray[np.uint8]


class Rows:
    """Rows and slots. One thread changes them; any thread reads the first ``count`` rows."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.sequence = Growing(np.int64)
        self.cid = Growing(np.uint8, 32)
        self.slot = Growing(np.int32)
        self.alive = Growing(np.bool_)
        self.fingerprint = Growing(np.uint8, _FINGERPRINT_BYTES)
        self._slot_of: dict[bytes, int] = {}
        self._first_row = Growing(np.int64)  # by slot
        self._more_rows: dict[int, array[int]] = {}  # by slot, where one vector has many records
        self.count = 0
        self.living = 0
        self.removed = 0  # since these rows are in memory
        self._rowless = False
        """True if these rows began with slots that no row has: its rows died during a rebuild."""
        self.visible_slots = 0
        """Slots that rows below ``count`` use: the others may be filling up just now."""

    @property
    def slots(self) -> int:
        """Distinct vectors seen so far."""
        return self.fingerprint.count

    def slot_of(self, vector: Vectors) -> int | None:
        """The slot of this very vector, shape (384,), if it has one."""
        return self._slot_of.get(self._fingerprint(vector))

    def place(self, vectors: Vectors) -> tuple[list[int], list[int]]:
        """The slot of each unit vector, and the positions of those that are new."""
        slots: list[int] = []
        fresh: list[int] = []
        prints: list[bytes] = []
        for position, vector in enumerate(vectors):
            fingerprint = self._fingerprint(vector)
            slot = self._slot_of.get(fingerprint)
            if slot is None:
                slot = self._slot_of[fingerprint] = self.slots + len(fresh)
                fresh.append(position)
                prints.append(fingerprint)
            slots.append(slot)
        self._add_slots(b"".join(prints))
        return slots, fresh

    def append(self, sequences: Sequence[int], cids: bytes, slots: Sequence[int]) -> None:
        """Add rows; ``cids`` is the joined digests. The slots' vectors are searchable already."""
        start = self.count
        for row, slot in enumerate(slots, start):
            self._link(row, slot)
        self.sequence.extend(sequences)
        self.cid.extend(np.frombuffer(cids, np.uint8).reshape(-1, 32))
        self.slot.extend(slots)
        self.alive.extend(np.ones(len(slots), np.bool_))
        self.living += len(slots)
        self.count = start + len(slots)  # after all of the above, because readers trust it
        self.visible_slots = self.slots

    def remove(self, sequence: int) -> bool:
        """Mark a row dead; False if there is none alive."""
        row = self.row_of(sequence)
        if row is None or not self.alive.view()[row]:
            return False
        self.alive.view()[row] = False
        self.living -= 1
        self.removed += 1
        return True

    def forget(self, rows: Mask) -> None:
        """Mark rows dead (one flag for each)."""
        alive = self.alive.view(self.count)
        alive[rows] = False
        self.living = int(np.count_nonzero(alive))
        self.removed += int(np.count_nonzero(rows))

    def row_of(self, sequence: int) -> int | None:
        """The row of a sequence number."""
        sequences = self.sequence.view(self.count)
        row = int(np.searchsorted(sequences, sequence))
        return row if row < len(sequences) and sequences[row] == sequence else None

    def living_digests(self) -> NDArray[np.uint8]:
        """The digests of all living rows, shape (n, 32), ascending; a copy."""
        count = self.count
        alive = self.alive.view(count).copy()
        digests: NDArray[np.uint8] = self.cid.view(count)[alive]
        return digests[ascending(digests)]

    def rows_of(self, slots: NDArray[np.int64], count: int) -> RowNumbers:
        """Every row below ``count``, dead or alive, that has one of these slots."""
        rows = [int(row) for row in self._first_row.view()[slots]]
        for slot in slots.tolist():
            if slot in self._more_rows:
                rows.extend(self._more_rows[slot])
        found = np.array(rows, np.int64)
        return found[(found >= 0) & (found < count)]

    def slot_mask(self, rows: Mask, slots: int) -> Mask:
        """Which of the first ``slots`` slots have one of the rows in a mask."""
        mask = np.zeros(max(slots, self.slots), np.bool_)
        mask[self.slot.view(len(rows))[rows]] = True
        return mask[:slots]

    def dead_slots(self, slots: int) -> int:
        """How many of the first ``slots`` slots no live row has."""
        if self.living == self.count and not self._rowless:
            return 0
        # A copy: numpy counts a mask's flags and reads them again later, and a row that dies in
        # between would leave a place in its result that nothing was written to.
        alive = self.alive.view(self.count).copy()
        return slots - int(np.count_nonzero(self.slot_mask(alive, slots)))

    def kept(self, rows: Mask, slots: NDArray[np.int64]) -> Rows:
        """Only these rows (``count`` flags), on only these slots, renumbered in that order."""
        renumbered = np.full(self.slots, _NO_ROW, np.int32)
        renumbered[slots] = np.arange(len(slots), dtype=np.int32)
        arrays = self.arrays(len(rows), self.slots)
        return Rows.of(
            RowArrays(
                arrays.sequence[rows],
                arrays.cid[rows],
                renumbered[arrays.slot[rows]],
                arrays.alive[rows],
                arrays.fingerprint[slots],
            ),
            self._key,
        )

    def arrays(self, count: int, slots: int) -> RowArrays:
        """The first ``count`` rows and ``slots`` slots; views, so copy before the next change."""
        return RowArrays(
            self.sequence.view(count),
            self.cid.view(count),
            self.slot.view(count),
            self.alive.view(count),
            self.fingerprint.view(slots),
        )

    @classmethod
    def of(cls, arrays: RowArrays, key: bytes) -> Rows:
        """Rows that start with these arrays, which they take over."""
        rows = cls(key)
        rows.sequence = Growing.of(arrays.sequence)
        rows.cid = Growing.of(arrays.cid)
        rows.slot = Growing.of(arrays.slot)
        rows.alive = Growing.of(arrays.alive)
        rows.living = int(np.count_nonzero(arrays.alive))
        rows._add_slots(arrays.fingerprint.tobytes())
        rows._slot_of = {p: slot for slot, p in enumerate(_split(arrays.fingerprint.tobytes()))}
        rows._link_all(arrays.slot)
        rows.count = len(arrays.sequence)
        rows.visible_slots = rows.slots
        return rows

    def _fingerprint(self, vector: Vectors) -> bytes:
        return hashlib.blake2b(
            vector.tobytes(), digest_size=_FINGERPRINT_BYTES, key=self._key
        ).digest()

    def _add_slots(self, prints: bytes) -> None:
        fresh = np.frombuffer(prints, np.uint8).reshape(-1, _FINGERPRINT_BYTES)
        self._first_row.extend(np.full(len(fresh), _NO_ROW))
        self.fingerprint.extend(fresh)

    def _link(self, row: int, slot: int) -> None:
        first = self._first_row.view()
        if first[slot] == _NO_ROW:
            first[slot] = row
        else:
            self._more_rows.setdefault(slot, array("q")).append(row)

    def _link_all(self, slots: NDArray[np.int32]) -> None:
        """As ``_link`` for every row, but with one loop over the repeated slots only."""
        used, first = np.unique(slots, return_index=True)
        self._first_row.view()[used] = first
        self._rowless = len(used) < self.slots
        repeated = np.ones(len(slots), np.bool_)
        repeated[first] = False
        for row in np.flatnonzero(repeated).tolist():
            self._more_rows.setdefault(int(slots[row]), array("q")).append(row)


def ascending(digests: NDArray[np.uint8]) -> RowNumbers:
    """The order that sorts digests, shape (n, 32), as big-endian numbers.

    Their first eight bytes tell nearly all of them apart, and sort five times as fast.
    """
    words = digests.view(">u8")
    first = words[:, 0].astype(np.uint64)
    order = np.argsort(first)
    ordered = first[order]
    if np.any(ordered[1:] == ordered[:-1]):
        return np.lexsort(words.T[::-1])
    return order


def _split(prints: bytes) -> list[bytes]:
    size = _FINGERPRINT_BYTES
    return [prints[i : i + size] for i in range(0, len(prints), size)]

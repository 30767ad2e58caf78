"""The exact tail: fresh vectors that are searched by brute force until the index has them."""

from __future__ import annotations

from threading import Lock

import numpy as np
from numpy.typing import NDArray

from engram.core.limits import DIMENSIONS

Vectors = NDArray[np.float32]
"""float32, shape (n, 384), rows of unit norm."""

_BLOCK = 2_048  # vectors; 3 MiB, so that memory follows the tail both up and down


class Tail:
    """Vectors of the slots from ``start`` to ``end``, in blocks.

    One thread appends and one thread drops; any thread reads. A reader keeps what it was given
    alive, so dropping never pulls memory from under a search.
    """

    def __init__(self, start: int) -> None:
        self.start = start
        self.end = start
        self._blocks: tuple[tuple[int, Vectors], ...] = ()  # (first slot, room for _BLOCK)
        self._replacing = Lock()  # of the tuple of blocks, by either of the two threads

    def __len__(self) -> int:
        return self.end - self.start

    def append(self, vectors: Vectors) -> None:
        """Give the next slots to these vectors."""
        taken = 0
        while taken < len(vectors):
            first, block = self._open_block()
            offset = self.end - first
            piece = vectors[taken : taken + len(block) - offset]
            block[offset : offset + len(piece)] = piece
            self.end += len(piece)
            taken += len(piece)

    def blocks(self, start: int, end: int) -> list[tuple[int, Vectors]]:
        """The vectors of the slots start..end-1, as (first slot, vectors) in slot order."""
        found = []
        for first, block in self._blocks:
            low, high = max(start, first), min(end, first + len(block))
            if low < high:
                found.append((low, block[low - first : high - first]))
        return found

    def take(self, count: int) -> Vectors:
        """The first ``count`` vectors of the tail, contiguous."""
        pieces = [vectors for _, vectors in self.blocks(self.start, self.start + count)]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def drop(self, count: int) -> None:
        """Forget ``count`` vectors at the front, because the index has them."""
        with self._replacing:
            self.start += count
            self._blocks = tuple(b for b in self._blocks if b[0] + _BLOCK > self.start)

    def _open_block(self) -> tuple[int, Vectors]:
        if not self._blocks or self._blocks[-1][0] + _BLOCK == self.end:
            fresh = np.empty((_BLOCK, DIMENSIONS), np.float32)
            with self._replacing:
                self._blocks = (*self._blocks, (self.end, fresh))
        return self._blocks[-1]

"""What two sets of digests differ by, for a few bytes where they agree.

Range-based set reconciliation: Aljoscha Meyer, Range-Based Set Reconciliation, SRDS 2023
(arXiv 2212.13567), section 3. One side describes a range by the number of its digests and a
fingerprint over them; the other says that it has the same, or cuts the range where its own digests
divide into equal parts, or lists them once they are few. The fingerprint adds the digests up, so
that running sums give that of any range.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engram.core.limits import HASH_BYTES

Digests = NDArray[np.uint8]
"""Shape (n, 32), uint8: distinct digests in ascending order, compared as big-endian integers."""

LOWEST = bytes(HASH_BYTES)
ROWS_SUMMED = 64  # one running sum for so many digests: 1 byte for each instead of 64
ROWS_AT_ONCE = 2**16  # digests that are summed at once: 4 MB
LIMBS = 8  # 32-bit parts of a digest; 2**32 of them add up without overflow in 64 bits


@dataclass(frozen=True, slots=True)
class Span:
    """The digests from ``low`` to below ``high`` (None: to the end), as one side has them."""

    low: bytes
    high: bytes | None
    count: int
    fingerprint: bytes
    """32 bytes: SHA-256(sum of the digests mod 2**256, 32 bytes ‖ count, 8 bytes), big-endian."""

    def agrees(self, other: Span) -> bool:
        """True if both sides have the same digests here."""
        return (self.count, self.fingerprint) == (other.count, other.fingerprint)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One side's answer on a range: the same here, or its parts, or all digests held in it."""

    same: bool
    parts: tuple[Span, ...] = ()
    held: Digests | None = None


class DigestSet:
    """Digests in order, with running sums so that any range is described in O(log n)."""

    def __init__(self, digests: Digests) -> None:
        self.digests = digests
        self.keys = keys_of(digests)
        """The digests as numpy orders them, see ``keys_of``."""

    def __len__(self) -> int:
        return len(self.digests)

    @cached_property
    def _sums(self) -> NDArray[np.uint64]:
        """Row i: the sum of the first i * ROWS_SUMMED digests, in limbs that are not carried."""
        whole = len(self.digests) // ROWS_SUMMED * ROWS_SUMMED
        starts = range(0, whole, ROWS_AT_ONCE)
        sums = [block_sums(self.digests[at : min(whole, at + ROWS_AT_ONCE)]) for at in starts]
        return np.cumsum(np.concatenate([np.zeros((1, LIMBS), np.uint64), *sums]), axis=0)

    def span(self, low: bytes = LOWEST, high: bytes | None = None) -> Span:
        """What is here from ``low`` to below ``high``."""
        start, end = self._edges(low, high)
        return Span(low, high, end - start, self._fingerprint(start, end))

    def within(self, low: bytes, high: bytes | None) -> Digests:
        """The digests of a range: a view."""
        start, end = self._edges(low, high)
        return self.digests[start:end]

    def answer(self, asked: Span, *, parts: int, listed: int) -> Verdict:
        """Compare with the other side's range: cut it into ``parts`` where it differs.

        A range of up to ``listed`` digests is listed instead. Each part holds fewer digests than
        the whole, so that whoever asks on comes to an end.
        """
        mine = self.span(asked.low, asked.high)
        if mine.agrees(asked):
            return Verdict(same=True)
        if mine.count <= max(listed, 1):
            return Verdict(same=False, held=self.within(asked.low, asked.high))
        return Verdict(same=False, parts=self._parts(asked.low, asked.high, parts))

    def _parts(self, low: bytes, high: bytes | None, parts: int) -> tuple[Span, ...]:
        start, end = self._edges(low, high)
        pieces = min(parts, end - start)
        rows = [start + (end - start) * piece // pieces for piece in range(1, pieces)]
        cuts = [between(*map(bytes, self.digests[row - 1 : row + 1])) for row in rows]
        return tuple(map(self.span, [low, *cuts], [*cuts, high]))

    def _edges(self, low: bytes, high: bytes | None) -> tuple[int, int]:
        start = int(np.searchsorted(self.keys, key_of(low)))
        end = len(self) if high is None else int(np.searchsorted(self.keys, key_of(high)))
        return start, max(start, end)

    def _fingerprint(self, start: int, end: int) -> bytes:
        total = (self._sum_below(end) - self._sum_below(start)) % (1 << 8 * HASH_BYTES)
        count = end - start
        return hashlib.sha256(total.to_bytes(HASH_BYTES) + count.to_bytes(8)).digest()

    def _sum_below(self, row: int) -> int:
        block = row // ROWS_SUMMED
        rest = limbs_of(self.digests[block * ROWS_SUMMED : row]).sum(axis=0, dtype=np.uint64)
        return carried(self._sums[block] + rest)


def keys_of(digests: Digests) -> NDArray[np.bytes_]:
    """The digests as strings of 32 bytes, which numpy orders as big-endian integers: a view."""
    return np.ascontiguousarray(digests).view(f"S{HASH_BYTES}").reshape(-1)


def key_of(digest: bytes) -> NDArray[np.bytes_]:
    return np.array(digest, f"S{HASH_BYTES}")


def digests_of(values: Sequence[bytes]) -> Digests:
    """Digests of 32 bytes each, in any order and more than once, as a set in order."""
    rows = np.frombuffer(b"".join(values), np.uint8).reshape(-1, HASH_BYTES)
    return unique(rows)


def unique(rows: Digests) -> Digests:
    """The set in order of digests that are in none."""
    return rows_of(np.unique(keys_of(rows)))


def rows_of(keys: NDArray[np.bytes_]) -> Digests:
    """What ``keys_of`` made strings of."""
    return np.ascontiguousarray(keys).view(np.uint8).reshape(-1, HASH_BYTES)


def among(digests: Digests, others: Digests) -> NDArray[np.bool_]:
    """Shape (n,): which of the digests are in the other set."""
    if not len(others):
        return np.zeros(len(digests), np.bool_)
    keys, theirs = keys_of(digests), keys_of(others)
    place = np.minimum(np.searchsorted(theirs, keys), len(theirs) - 1)
    return np.asarray(theirs[place] == keys)


def between(below: bytes, above: bytes) -> bytes:
    """The bound with the most zeros at its end that has ``below`` under it and ``above`` not.

    Zeros are what compression takes out of a message.
    """
    differs = next(i for i in range(HASH_BYTES) if below[i] != above[i])
    return above[: differs + 1].ljust(HASH_BYTES, b"\0")


def limbs_of(digests: Digests) -> NDArray[np.uint32]:
    """Shape (n, 8): each digest as numbers of 32 bits, the highest first."""
    return np.ascontiguousarray(digests).view(">u4").reshape(-1, LIMBS)


def block_sums(digests: Digests) -> NDArray[np.uint64]:
    """Shape (n / ROWS_SUMMED, 8): the sum of each block, limb by limb."""
    blocks = limbs_of(digests).reshape(-1, ROWS_SUMMED, LIMBS)
    return np.asarray(blocks.sum(axis=1, dtype=np.uint64))


def carried(limbs: NDArray[np.uint64]) -> int:
    """Limbs that have outgrown 32 bits, as one number."""
    total = 0
    for limb in limbs.tolist():
        total = (total << 32) + limb
    return total

"""What the writer is asked to do: each applied in a transaction, and published once on disk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from engram.storage.interface import NewRecord, Stored
from engram.storage.outbox import Pair
from engram.storage.records import Records
from engram.storage.row import Row
from engram.storage.state import State

T = TypeVar("T")

Outcomes = list[Stored | Exception]

DELIVERY_BYTES = 96  # on disk, with its share of the log


@dataclass(slots=True)
class Put:
    """Records that wait to be committed."""

    records: Sequence[NewRecord]
    digests: list[bytes]
    future: Future[Outcomes] = field(default_factory=Future)


class Change(ABC, Generic[T]):
    """Anything else."""

    size = 1
    """Rows it may touch, as far as a commit's length depends on it."""
    grows = 0
    """Bytes that it may add to the disk, about."""

    def __init__(self) -> None:
        self.future: Future[T] = Future()
        self.result: T

    @abstractmethod
    def apply(self, records: Records, now: float) -> T:
        """Write, inside a transaction; may be called again after one that came to nothing."""

    def publish(self, state: State) -> None:
        """Let memory follow, after the commit; most have nothing there."""


class Delete(Change[bool]):
    """Remove a record and leave a tombstone."""

    def __init__(self, digest: bytes) -> None:
        super().__init__()
        self._digest = digest
        self._gone: list[tuple[bytes, int]] = []

    def apply(self, records: Records, now: float) -> bool:
        self._gone = records.remove([self._digest])
        records.bury(self._digest, now)
        return bool(self._gone)

    def publish(self, state: State) -> None:
        state.remove(self._gone)


class Undelete(Change[bool]):
    """Lift a tombstone."""

    def __init__(self, digest: bytes) -> None:
        super().__init__()
        self._digest = digest

    def apply(self, records: Records, now: float) -> bool:
        return records.undelete(self._digest)


class Forget(Change[int]):
    """Remove records without tombstones."""

    def __init__(self, digests: Sequence[bytes]) -> None:
        super().__init__()
        self.size = len(digests)
        self._digests = digests
        self._gone: list[tuple[bytes, int]] = []

    def apply(self, records: Records, now: float) -> int:
        self._gone = records.remove(self._digests)
        return len(self._gone)

    def publish(self, state: State) -> None:
        state.remove(self._gone)


class Enqueue(Change[int]):
    """Put deliveries into the outbox."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        super().__init__()
        self.size = len(pairs)
        self.grows = DELIVERY_BYTES * len(pairs)
        self._pairs = pairs

    def apply(self, records: Records, now: float) -> int:
        return records.outbox.queue(self._pairs, now)


class Delivered(Change[int]):
    """Take deliveries off the outbox."""

    def __init__(self, seat: int, digests: Sequence[bytes]) -> None:
        super().__init__()
        self.size = len(digests)
        self._seat = seat
        self._digests = digests

    def apply(self, records: Records, now: float) -> int:
        return records.outbox.take_off(self._seat, self._digests)


class DropSome(Change[int]):
    """Take up to ``at_most`` of a seat's deliveries off the outbox, whatever they are."""

    def __init__(self, seat: int, at_most: int) -> None:
        super().__init__()
        self.size = at_most
        self._seat = seat

    def apply(self, records: Records, now: float) -> int:
        return records.outbox.drop_some(self._seat, self.size)


class DropPointless(Change[int]):
    """Take deliveries off the outbox whose record is not there."""

    def apply(self, records: Records, now: float) -> int:
        return records.outbox.drop_pointless()


class Acquit(Change[int]):
    """Have records looked at again that were thought to be damaged, when the index is rebuilt."""

    def __init__(self, rows: Sequence[Row]) -> None:
        super().__init__()
        self._rows = rows

    def apply(self, records: Records, now: float) -> int:
        return records.acquit([row.sequence for row in self._rows])

    def publish(self, state: State) -> None:
        state.acquit([(row.digest, row.sequence) for row in self._rows])


class Condemn(Change[None]):
    """Remember that a record's bytes are damaged, and send it to nobody."""

    def __init__(self, digest: bytes, sequence: int) -> None:
        super().__init__()
        self._digest = digest
        self._sequence = sequence

    def apply(self, records: Records, now: float) -> None:
        if records.condemn(self._sequence):
            records.outbox.take_off_all([self._digest])


Operation = Put | Change[Any]

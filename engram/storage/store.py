"""The embedded store: truth in SQLite first, index in memory second."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from engram.config import StoreSettings
from engram.core.embedding import from_numbers
from engram.core.where import Where, matches
from engram.errors import NotReady
from engram.storage.catalogue import units_of
from engram.storage.check import FsckReport, OnProgress, check, is_intact
from engram.storage.drainer import Drainer
from engram.storage.interface import (
    Delivery,
    Embedding,
    Hit,
    NewRecord,
    Record,
    Stored,
    StoreStats,
)
from engram.storage.loading import load
from engram.storage.lock import DirectoryLock
from engram.storage.operations import (
    Acquit,
    Condemn,
    Delete,
    Delivered,
    DropPointless,
    DropSome,
    Enqueue,
    Forget,
    Undelete,
)
from engram.storage.reading import Reading
from engram.storage.records import Records
from engram.storage.row import Row, cid_of, digest_of
from engram.storage.search import Search
from engram.storage.snapshot import Snapshots
from engram.storage.state import State, disk_bytes
from engram.storage.writer import Writer

log = logging.getLogger(__name__)

T = TypeVar("T")

_LIST_CHUNK = 256  # records read at once by a filtered listing
_FORGOTTEN_AT_ONCE = 128  # records; ingest waits for a commit of so many at the most,
_QUEUED_AT_ONCE = 1_024  # and deliveries
_MEASURE_DISK_EVERY_S = 1.0


class EmbeddedStore(Reading):
    """A VectorStore in one directory, opened by one process."""

    def __init__(
        self, folder: Path, settings: StoreSettings, clock: Callable[[], float] = time.time
    ) -> None:
        """Raises StoreLocked, StoreTooNew, StoreCorrupt, StorageFull."""
        folder.mkdir(parents=True, exist_ok=True)
        self.lock = DirectoryLock(folder)
        try:
            super().__init__(Records(folder))
            snapshots = Snapshots(folder, self._records, settings)
            snapshots.discard_partial()
            self._state = State(folder, settings, load(self._records, snapshots, settings))
        except BaseException:
            self.lock.release()
            raise
        self._drainer = Drainer(self._records, self._state, snapshots)
        self._writer = Writer(self._records, self._state, clock, self._drainer.wake)
        for digest, sequence in self._state.damaged.items():
            self._condemn(digest, sequence)
        self._drainer.start()
        self._closed = False
        self._measured_at = -_MEASURE_DISK_EVERY_S
        self._disk_bytes = 0

    def submit(self, records: Sequence[NewRecord]) -> Future[list[Stored | Exception]]:
        """See VectorStore."""
        return self._writer.put(records)

    def wait_for_room(self, timeout: float | None = None) -> bool:
        """Wait until ``submit`` would not be refused as Overloaded; False after ``timeout`` s."""
        with self._state.room:
            return self._state.room.wait_for(lambda: self._state.free_places() > 0, timeout)

    def search(self, vector: Embedding, top_k: int, where: Where | None = None) -> list[Hit]:
        """See VectorStore."""
        self._state.last_query = time.monotonic()
        units, _ = units_of([from_numbers(vector).tobytes()])
        found = Search(self._state.catalogue, self._records, units[0], where).run(top_k)
        for row in found.damaged:
            self._met_damage(row)
        self._state.last_query = time.monotonic()
        return found.hits

    def has(self, cids: Sequence[str]) -> dict[str, float]:
        """See VectorStore."""
        damaged = self._state.damaged
        held = super().has(cids)
        return {cid: at for cid, at in held.items() if digest_of(cid) not in damaged}

    def delete(self, cid: str) -> bool:
        """See VectorStore."""
        return self._writer.change(Delete(digest_of(cid)))

    def undelete(self, cid: str) -> bool:
        """See VectorStore."""
        return self._writer.change(Undelete(digest_of(cid)))

    def forget(self, cids: Sequence[str]) -> int:
        """See VectorStore."""
        digests = [digest_of(cid) for cid in cids]
        return sum(
            self._writer.change(Forget(some)) for some in _in_batches(digests, _FORGOTTEN_AT_ONCE)
        )

    def digests(self) -> NDArray[np.uint8]:
        """See VectorStore."""
        return self._state.catalogue.rows.living_digests()

    def refused(self) -> NDArray[np.uint8]:
        """See VectorStore."""
        return self._records.refused()

    def enqueue(self, deliveries: Sequence[tuple[int, str]]) -> int:
        """See VectorStore. Raises StorageFull."""
        damaged = self._state.damaged
        pairs = sorted((seat, digest_of(cid)) for seat, cid in deliveries)
        pairs = [pair for pair in pairs if pair[1] not in damaged]
        return sum(
            self._writer.change(Enqueue(some)) for some in _in_batches(pairs, _QUEUED_AT_ONCE)
        )

    def waiting(self) -> dict[int, int]:
        """See VectorStore."""
        return self._records.outbox.waiting()

    def outbox(self, seat: int, limit: int, after: str | None = None) -> list[Delivery]:
        """See VectorStore."""
        past = b"" if after is None else digest_of(after)
        page = self._records.outbox.page(seat, limit, past)
        return [Delivery(cid_of(digest), queued_at) for digest, queued_at in page]

    def delivered(self, seat: int, cids: Sequence[str]) -> None:
        """See VectorStore."""
        for some in _in_batches([digest_of(cid) for cid in cids], _QUEUED_AT_ONCE):
            self._writer.change(Delivered(seat, some))

    def drop_seats(self, seats: Sequence[int]) -> int:
        """See VectorStore."""
        dropped = 0
        for seat in seats:
            while some := self._writer.change(DropSome(seat, _QUEUED_AT_ONCE)):
                dropped += some
        return dropped

    def stats(self) -> StoreStats:
        """See VectorStore."""
        state, catalogue = self._state, self._state.catalogue
        rows, tail, progress = catalogue.rows, catalogue.tail, state.progress
        return StoreStats(
            records=rows.living,
            vectors=rows.visible_slots,
            indexed=tail.start,
            tail=rows.visible_slots - tail.start,
            deleted=self._records.count_tombstones(),
            disk_bytes=self._measured_disk(),
            last_sequence=self._records.last_sequence(),
            snapshot_sequence=state.snapshot.sequence,
            rebuilding=progress is not None,
            detail={
                "healthy": state.health.healthy,
                "failing": dict(state.health.failing),
                "failures": state.health.failures,
                "damaged": len(state.damaged),
                "pending": state.pending,
                "rebuild": progress._asdict() if progress else None,
                "snapshot_problem": state.snapshot_problem,
            },
        )

    def drain(self, timeout: float | None = None) -> bool:
        """See VectorStore."""
        with self._state.room:
            return self._state.room.wait_for(self._is_drained, timeout)

    def snapshot(self) -> None:
        """See VectorStore. Raises StorageFull."""
        self._require_open()
        self._drainer.snapshot()

    def rebuild(self) -> None:
        """Forget the index, search exactly from the records, and build it anew behind that."""
        self._require_open()
        suspects = self._records.rows([*self._state.damaged.values()])
        self._writer.change(Acquit([row for row in suspects.values() if is_intact(row)]))
        self._drainer.relearn()
        for digest, sequence in [*self._state.damaged.items()]:
            self._condemn(digest, sequence)

    def fsck(self, on_progress: OnProgress | None = None, *, repair: bool = False) -> FsckReport:
        """Check every CID and the index while serving; ``repair`` builds the index anew."""
        self._require_open()
        report = check(self._records, self._state.catalogue, on_progress)
        for row in self._records.rows_by_digest([*map(digest_of, report.damaged)]).values():
            self._met_damage(row)
        if repair:
            self.mend(report)
        return report

    def mend(self, report: FsckReport) -> None:
        """Put right what ``fsck`` found and can be: the index and the outbox."""
        if report.outbox:
            self._writer.change(DropPointless())
        if report.index:
            self.rebuild()
        report.repaired = bool(report.outbox or report.index)

    def close(self) -> None:
        """See VectorStore. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._writer.close()
        self._drainer.close()
        super().close()
        self.lock.release()

    def _after(self, sequence: int, where: Where | None) -> Iterator[Record]:
        """As in Reading, but only records that match are read."""
        rows = self._state.catalogue.rows
        count = rows.count
        mask = self._state.catalogue.matching(where, count)
        start = int(np.searchsorted(rows.sequence.view(count), sequence, side="right"))
        sequences = rows.sequence.view(count)[start:][mask[start:]].tolist()
        for low in range(0, len(sequences), _LIST_CHUNK):
            found = self._records.rows(sequences[low : low + _LIST_CHUNK])
            for _, row in sorted(found.items()):
                record = self._intact(row)
                if record is not None and (where is None or matches(where, record.metadata)):
                    yield record

    def _met_damage(self, row: Row) -> None:
        super()._met_damage(row)
        if self._state.quarantine(row.digest, row.sequence):
            self._condemn(row.digest, row.sequence)

    def _condemn(self, digest: bytes, sequence: int) -> None:
        """Have it known after a restart too; nobody waits for that."""
        with suppress(NotReady):  # closing: it will be met again
            self._writer.request(Condemn(digest, sequence)).add_done_callback(_report)

    def _is_drained(self) -> bool:
        catalogue = self._state.catalogue
        return not self._state.pending and catalogue.tail.start == catalogue.rows.visible_slots

    def _measured_disk(self) -> int:
        if time.monotonic() - self._measured_at >= _MEASURE_DISK_EVERY_S:
            self._measured_at = time.monotonic()
            self._disk_bytes = disk_bytes(self._state.folder)
        return self._disk_bytes

    def _require_open(self) -> None:
        if self._closed:
            raise NotReady("the store is closed")


def _report(condemned: Future[None]) -> None:
    if (error := condemned.exception()) is not None:
        log.warning("a damaged record will have to be found again after a restart: %s", error)


def _in_batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))

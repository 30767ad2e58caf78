"""The embedded store: truth in SQLite first, index in memory second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import numpy as np

from engram.config import StoreSettings
from engram.core.embedding import from_numbers
from engram.core.where import Where, matches
from engram.errors import NotReady
from engram.storage.catalogue import units_of
from engram.storage.check import FsckReport, OnProgress, check
from engram.storage.drainer import Drainer
from engram.storage.interface import (
    Embedding,
    Hit,
    NewRecord,
    Record,
    Stored,
    StoreStats,
)
from engram.storage.loading import load
from engram.storage.lock import DirectoryLock
from engram.storage.reading import Reading
from engram.storage.records import Records, Row, digest_of
from engram.storage.search import Search
from engram.storage.snapshot import Snapshots
from engram.storage.state import State, disk_bytes
from engram.storage.writer import Delete, Undelete, Writer

_LIST_CHUNK = 256  # records read at once by a filtered listing
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

    def delete(self, cid: str) -> bool:
        """See VectorStore."""
        return self._writer.change(Delete(digest_of(cid)))

    def undelete(self, cid: str) -> bool:
        """See VectorStore."""
        return self._writer.change(Undelete(digest_of(cid)))

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
        self._drainer.relearn()

    def fsck(self, on_progress: OnProgress | None = None, *, repair: bool = False) -> FsckReport:
        """Check every CID and the index while serving; ``repair`` builds the index anew."""
        self._require_open()
        report = check(self._records, self._state.catalogue, on_progress)
        if repair and report.index:
            self.rebuild()
            report.repaired = True
        return report

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
        self._state.quarantine(row.cid, row.sequence)

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

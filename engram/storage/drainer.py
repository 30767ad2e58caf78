"""One thread that keeps the index: drains the tail into it, saves it, rebuilds it."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event

import faiss
import numpy as np

from engram.errors import NotReady, StorageFull
from engram.storage.catalogue import Catalogue
from engram.storage.database import translated
from engram.storage.health import Loop, answer
from engram.storage.index import Index, Slots
from engram.storage.loading import relearn
from engram.storage.records import Records
from engram.storage.snapshot import Snapshots
from engram.storage.state import QUIET_S, Progress, State

log = logging.getLogger(__name__)

_NICENESS = 5  # answers before housekeeping; more, and who waits for its lock waits for the CPU
_LONGEST_HOLD_S = 0.25  # how long an add may keep the first query after a long pause waiting
_HOLD_PER_PAUSE = 0.25  # a shorter pause earns a shorter wait
_BUSY_HOLD_S = 0.001  # for any other query: a few vectors
_LARGEST_BATCH = 2_048  # FAISS on two threads: 154 us a vector in adds of 1,024, 195 us of 256
_WORTH_THREADS = 512  # vectors; two threads add 128 no faster than one and burn twice the CPU
_VECTORS_PER_SETUP = 100_000  # FAISS prepares every add in time that grows with the index
_FIRST_GUESS_S = 0.0005  # per vector, until measured
_DEAD_SHARE = 0.3  # of the index; beyond it, searches wade through the dead
_CHANGED_SHARE = 0.1  # of the records; below it a snapshot costs more than it saves
_DISK_RETRY_S = 60.0  # before a snapshot is tried again on a full disk
_REBUILT_AT_ONCE = 2_048  # vectors
_WORTH_CLOSING = 10  # changes; a small snapshot takes as long as indexing so many vectors,
_WORTH_PER = 500  # and one more for so many vectors in it
_IDLE_S = 1.0  # between looks at the clock
_NEVER = -1
_STAND_BACK_S = 0.02  # between looks at whether a burst of writes is over,
_COME_MEANWHILE = 2_048  # and more vectors than SQLite can commit between two


class Drainer:
    """Owner of the index: the only thread that adds to it or replaces it."""

    def __init__(self, records: Records, state: State, snapshots: Snapshots) -> None:
        self._records = records
        self._state = state
        self._snapshots = snapshots
        self._wake = Event()
        self._closing = False
        self._stopped = False
        self._asked: SimpleQueue[tuple[Callable[[], None], Future[None]]] = SimpleQueue()
        self._seconds_per_vector = _FIRST_GUESS_S
        self._not_before = 0.0  # monotonic; of the next snapshot
        self._removed_when_looked = _NEVER
        self._prepared = False
        self._loop = Loop("drainer", self._turn, state.health)

    def start(self) -> None:
        self._loop.start()

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    def snapshot(self) -> None:
        """Save the index and wait for it."""
        self._ask(self._save)

    def relearn(self) -> None:
        """Throw the index away, search exactly, and build it anew from the truth."""
        self._ask(self._relearn)

    def close(self) -> None:
        """Stop after the current batch, with a snapshot if it is worth one."""
        self._closing = True
        self._wake.set()
        self._loop.hurry()
        self._loop.join()
        self._stopped = True
        self._refuse_asked()

    def _turn(self) -> bool:
        if not self._prepared:
            _be_nice()
            self._prepared = True
        if self._closing:
            self._finish()
            return False
        self._answer_asked()
        if self._stands_back():
            time.sleep(_STAND_BACK_S)
            return True
        busy = self._drain_batch()
        if not busy:
            self._wake.wait(_IDLE_S)
            self._wake.clear()
        self._maintain()
        return True

    def _stands_back(self) -> bool:
        """Let a burst of writes have the processor, while nobody asks and the tail is short.

        A commit wakes up for microseconds, many times a second; beside a thread that never
        sleeps, each of these waits for the scheduler's tick (4 ms).
        """
        state = self._state
        soon = len(state.catalogue.tail) + _COME_MEANWHILE
        there_is_room = soon < state.settings.tail_limit // 2
        return there_is_room and state.is_written_to() and state.pause() >= QUIET_S

    def _drain_batch(self) -> bool:
        """Move one batch from the tail into the index; False if there is none."""
        catalogue = self._state.catalogue
        waiting = catalogue.rows.visible_slots - catalogue.tail.start
        if waiting <= 0:
            return False
        batch = min(waiting, self._batch_size(catalogue.index.count))
        self._use_threads(batch)
        seconds = catalogue.index.add(catalogue.tail.take(batch))
        catalogue.tail.drop(batch)
        self._seconds_per_vector += (seconds / batch - self._seconds_per_vector) / 8
        with self._state.room:
            self._state.room.notify_all()
        return True

    def _batch_size(self, indexed: int) -> int:
        pause = self._state.pause()
        hold = _BUSY_HOLD_S
        if pause >= QUIET_S:
            hold = min(_LONGEST_HOLD_S, pause * _HOLD_PER_PAUSE)
        worthwhile = 1 + indexed // _VECTORS_PER_SETUP
        return min(_LARGEST_BATCH, max(worthwhile, int(hold / self._seconds_per_vector)))

    def _maintain(self) -> None:
        catalogue = self._state.catalogue
        removed = catalogue.rows.removed
        if removed != self._removed_when_looked:
            self._removed_when_looked = removed
            if catalogue.dead_slots() > _DEAD_SHARE * catalogue.index.count:
                self._rebuild(catalogue)
                self._removed_when_looked = _NEVER  # more may have been deleted meanwhile
        due = max(self._state.settings.snapshot_every, _CHANGED_SHARE * catalogue.rows.living)
        if self._changes() >= due and time.monotonic() >= self._not_before:
            self._try_snapshot()

    def _changes(self) -> int:
        """What the next start would have to repeat without another snapshot."""
        catalogue = self._state.catalogue
        covered = catalogue.rows.count - len(catalogue.tail)
        return covered - self._state.snapshot.rows + self._state.deletes_since_snapshot

    def _try_snapshot(self) -> None:
        try:
            self._save()
        except StorageFull as error:
            self._not_before = time.monotonic() + _DISK_RETRY_S
            log.warning("index snapshot not written, the last one stays: %s", error)

    def _save(self) -> None:
        state = self._state
        deletes = state.deletes_since_snapshot
        with translated():
            state.snapshot = self._snapshots.write(state.catalogue, state.changing)
        state.deletes_since_snapshot -= deletes
        state.snapshot_problem = None

    def _relearn(self) -> None:
        state = self._state
        damaged = dict(state.damaged)
        catalogue = relearn(self._records, state.settings, None, damaged)
        with state.changing:
            damaged.update(state.damaged)
            catalogue = relearn(self._records, state.settings, catalogue, damaged)
            state.damaged = {**damaged}
            state.replace(catalogue, len(catalogue.tail))

    def _ask(self, task: Callable[[], None]) -> None:
        """Have this thread do something between two batches, and wait for it."""
        asker: Future[None] = Future()
        self._asked.put((task, asker))
        self._wake.set()
        if self._stopped:
            self._refuse_asked()
        asker.result()

    def _answer_asked(self) -> None:
        while not self._asked.empty():
            answer(*self._asked.get())

    def _refuse_asked(self) -> None:
        with suppress(Empty):
            while True:
                self._asked.get_nowait()[1].set_exception(NotReady("the store is closed"))

    def _finish(self) -> None:
        self._answer_asked()
        if self._changes() >= _WORTH_CLOSING + self._state.catalogue.index.count // _WORTH_PER:
            self._try_snapshot()

    def _rebuild(self, old: Catalogue) -> None:
        """Build an index of the living beside the one in use, then change over."""
        state = self._state
        with state.changing:
            alive = old.rows.alive.view(old.rows.count)
            kept = np.flatnonzero(old.rows.slot_mask(alive, old.index.count))
        state.replacing = Progress(0, len(kept))
        try:
            index = self._index_of(old, kept)
            if index is not None:
                with state.changing:
                    state.replace(old.compacted(index, kept), state.lost)
        finally:
            state.replacing = None
        if index is not None:
            self._try_snapshot()

    def _index_of(self, old: Catalogue, slots: Slots) -> Index | None:
        """A new index of these slots; None if the store closes before it is done."""
        index = Index.empty(self._state.settings)
        stored = old.index.stored()  # steady: only this thread adds
        for start in range(0, len(slots), _REBUILT_AT_ONCE):
            if self._closing:
                return None
            self._use_threads(_REBUILT_AT_ONCE)
            index.add_unseen(stored[slots[start : start + _REBUILT_AT_ONCE]])
            self._state.replacing = Progress(index.count, len(slots))
        return index

    def _use_threads(self, batch: int) -> None:
        """All cores while nobody asks or writes. FAISS keeps this for each calling thread."""
        alone = self._state.pause() >= QUIET_S and not self._state.is_written_to()
        many = alone and batch >= _WORTH_THREADS
        faiss.omp_set_num_threads((os.cpu_count() or 1) if many else 1)


def _be_nice() -> None:
    """Lower this thread's priority, where the system can; its helpers inherit it.

    A process that was itself started under ``nice`` may lower it further, but never raise it.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        inherited = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, max(inherited, _NICENESS))

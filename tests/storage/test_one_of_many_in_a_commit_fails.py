"""Writes that wait together share a commit; if one of them cannot be done, the others still are."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from engram.config import StoreSettings
from engram.errors import StorageFull
from engram.storage import EmbeddedStore, Stored, open_store
from engram.storage.records import Records
from tests.storage.records_for_tests import TINY, put, records

HELD = [replace(one, deliver_to=(5,)) for one in records(6)]
NEW = records(3, seed=9)
FULL = TINY.model_copy(update={"max_disk_bytes": 1})


class Gate:
    """A clock that the writer waits for."""

    def __init__(self) -> None:
        self.reached, self.open = Event(), Event()

    def __call__(self) -> float:
        self.reached.set()
        assert self.open.wait(30)
        return 1.0


@contextmanager
def stopped(folder: Path, settings: StoreSettings) -> Iterator[tuple[EmbeddedStore, Gate]]:
    """A filled store whose writer stands before its first commit."""
    store = open_store(folder, TINY)
    put(store, *HELD)
    store.close()
    gate = Gate()
    store = open_store(folder, settings, clock=gate)
    try:
        yield store, gate
    finally:
        gate.open.set()
        store.close()


def wait_for_queue(store: EmbeddedStore, length: int) -> None:
    deadline = time.monotonic() + 30
    while store._writer._queue.qsize() < length:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_what_waits_together_is_one_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commits: list[None] = []
    committing = Records.committing

    def counted(self: Records) -> object:
        commits.append(None)
        return committing(self)

    monkeypatch.setattr(Records, "committing", counted)
    with ThreadPoolExecutor(3) as pool, stopped(tmp_path, TINY) as (store, gate):
        first = store.submit([NEW[0]])
        assert gate.reached.wait(30)
        commits.clear()
        second = store.submit([replace(NEW[1], deliver_to=(7,))])
        wait_for_queue(store, 1)
        gone = pool.submit(store.delete, HELD[0].cid)
        wait_for_queue(store, 2)
        delivered = pool.submit(store.delivered, 5, [HELD[1].cid])
        wait_for_queue(store, 3)
        queued = pool.submit(store.enqueue, [(7, NEW[0].cid), (7, NEW[1].cid), (7, HELD[0].cid)])
        wait_for_queue(store, 4)
        third = store.submit([HELD[2], NEW[2]])
        gate.open.set()
        assert first.result(30) == [Stored(NEW[0].cid, False)]
        assert second.result(30) == [Stored(NEW[1].cid, False)]
        assert third.result(30) == [Stored(HELD[2].cid, True), Stored(NEW[2].cid, False)]
        assert gone.result(30) is True
        delivered.result(30)
        assert queued.result(30) == 1
        assert len(commits) <= 2, "the first, and all that came meanwhile"
        assert store.waiting() == {5: 4, 7: 2}
        assert store.fsck().ok
        assert [one.sequence for one in store.scan()] == [2, 3, 4, 5, 6, 7, 8, 9]


def test_a_put_that_finds_no_room_fails_alone(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool, stopped(tmp_path, FULL) as (store, gate):
        fresh = [store.submit([NEW[0]])]
        assert gate.reached.wait(30)
        gone: list[Future[bool]] = []
        for number in range(2):
            gone.append(pool.submit(store.delete, HELD[number].cid))
            wait_for_queue(store, 2 * number + 1)
            fresh.append(store.submit([NEW[1 + number], HELD[3]]))
        again = store.submit([HELD[4]])
        gate.open.set()
        for future in fresh:
            with pytest.raises(StorageFull):
                future.result(30)
        assert [future.result(30) for future in gone] == [True, True]
        assert store.stats().records == 4
        assert store.waiting() == {5: 4}
        assert store.fsck().ok
        assert again.done()

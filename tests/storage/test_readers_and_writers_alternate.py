"""Neither searches nor adds can starve the other, and never do both hold the lock."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Thread

import pytest

from engram.storage.rwlock import ReadersWriterLock


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_readers_share() -> None:
    lock, together = ReadersWriterLock(), Barrier(3, timeout=30)

    def read() -> None:
        with lock.reading():
            together.wait()

    with ThreadPoolExecutor(3) as pool:
        for one in [pool.submit(read) for _ in range(3)]:
            one.result()


def test_a_writer_is_alone() -> None:
    lock, inside = ReadersWriterLock(), [0, 0]

    def read() -> None:
        for _ in range(300):
            with lock.reading():
                inside[0] += 1
                assert inside[1] == 0
                inside[0] -= 1

    def write() -> None:
        for _ in range(300):
            with lock.writing():
                inside[1] += 1
                assert inside == [0, 1]
                time.sleep(0)
                inside[1] -= 1

    with ThreadPoolExecutor(6) as pool:
        for one in [pool.submit(act) for act in (read, read, read, read, write, write)]:
            one.result()


def test_a_waiting_writer_holds_back_later_readers() -> None:
    lock, release, order = ReadersWriterLock(), Event(), list[str]()

    def early() -> None:
        with lock.reading():
            release.wait(30)

    def write() -> None:
        with lock.writing():
            order.append("writer")

    def late() -> None:
        with lock.reading():
            order.append("reader")

    threads = [Thread(target=early)]
    threads[0].start()
    wait_until(lambda: lock._readers == 1)
    threads.append(Thread(target=write))
    threads[1].start()
    wait_until(lambda: lock._writers_waiting == 1)
    threads.append(Thread(target=late))
    threads[2].start()
    wait_until(lambda: lock._readers_waiting == 1)
    assert order == []
    release.set()
    for thread in threads:
        thread.join(30)
    assert order == ["writer", "reader"]


def test_a_writer_that_returns_at_once_lets_the_waiting_readers_in() -> None:
    lock, entered = ReadersWriterLock(), Event()

    def read() -> None:
        with lock.reading():
            entered.set()

    writes_after = 0
    with lock.writing():
        reader = Thread(target=read)
        reader.start()
        wait_until(lambda: lock._readers_waiting == 1)
    while not entered.is_set():
        with lock.writing():
            writes_after += 1
    reader.join(30)
    assert writes_after <= 1


def test_an_error_inside_releases_the_lock() -> None:
    lock = ReadersWriterLock()
    for hold in (lock.reading, lock.writing):
        with pytest.raises(ZeroDivisionError), hold():
            raise ZeroDivisionError
    with lock.writing():
        pass

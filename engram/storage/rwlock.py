"""A readers-writer lock in which neither side can starve the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock


class ReadersWriterLock:
    """Many readers or one writer.

    A waiting writer holds back readers that come after it. When it leaves, every reader that
    waited goes in before a writer may come again, so a writer that returns at once (the drainer
    does) alternates with the readers instead of shutting them out.
    """

    def __init__(self) -> None:
        self._changed = Condition(Lock())
        self._readers = 0
        self._writing = False
        self._writers_waiting = 0
        self._readers_waiting = 0
        self._admitted = 0  # readers that waited for the last writer and may pass the next one

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold the lock together with other readers."""
        self._start_reading()
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                if not self._readers:
                    self._changed.notify_all()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock alone."""
        self._start_writing()
        try:
            yield
        finally:
            with self._changed:
                self._writing = False
                self._admitted = self._readers_waiting
                self._changed.notify_all()

    def _start_reading(self) -> None:
        with self._changed:
            if not (self._writing or self._writers_waiting or self._admitted):
                self._readers += 1
                return
            self._readers_waiting += 1
            while self._writing or (self._writers_waiting and not self._admitted):
                self._changed.wait()
            self._readers_waiting -= 1
            self._admitted = max(0, self._admitted - 1)
            self._readers += 1

    def _start_writing(self) -> None:
        with self._changed:
            self._writers_waiting += 1
            while self._writing or self._readers or self._admitted:
                self._changed.wait()
            self._writers_waiting -= 1
            self._writing = True

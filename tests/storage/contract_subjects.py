"""The stores that the contract is asked of: whatever keeps the bytes, the answers are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engram.storage import VectorStore, open_store
from tests.miner.memory_store import MemoryStore
from tests.simulation.disk import Disk
from tests.storage.records_for_tests import TINY


class Subject:
    """A store, and what is done to it between writing and reading."""

    def __init__(self, open_one: Callable[[], VectorStore], settle: str) -> None:
        self._open = open_one
        self._settle = settle
        self.store = open_one()

    def settle(self) -> VectorStore:
        """Put what was written where this subject wants it read from."""
        if self._settle == "drained":
            assert self.store.drain(timeout=60)
        elif self._settle == "reopened":
            self.store.snapshot()
            self.store.close()
            self.store = self._open()
        return self.store


SETTLED = ["fresh", "drained", "reopened"]


@contextmanager
def embedded(folder: Path, settle: str) -> Iterator[Subject]:
    """The embedded store, read from its tail, from its index, or after a restart."""
    subject = Subject(lambda: open_store(folder, TINY), settle)
    try:
        yield subject
    finally:
        subject.store.close()


@contextmanager
def in_memory(folder: Path, settle: str) -> Iterator[Subject]:
    """The miner's test double: what stands in front of a store is tested with it."""
    yield Subject(MemoryStore, settle)


@contextmanager
def simulated(folder: Path, settle: str) -> Iterator[Subject]:
    """The disk of a simulated node."""
    yield Subject(Disk, settle)


SUBJECTS = {f"embedded-{settle}": (embedded, settle) for settle in SETTLED} | {
    "memory": (in_memory, "fresh"),
    "simulated": (simulated, "fresh"),
}

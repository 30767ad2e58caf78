"""A node's way to its disk: commits take time, one after the other, and a crash ends them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from engram.core.where import Where
from engram.storage.interface import (
    Delivery,
    Embedding,
    Hit,
    NewRecord,
    Page,
    Record,
    Stored,
    StoreStats,
)
from tests.simulation.disk import Disk
from tests.simulation.life import Life

T = TypeVar("T")


@dataclass
class Speed:
    """How fast a disk is, for the moment."""

    commit_s: float = 0.004
    """A commit takes up to twice as long."""


class SimulatedShelf:
    """The Shelf of a process, and what the rooms of a miner ask of their store.

    Until a commit is over it is in the memory of the process only. Between the commit and the
    answer the process may end too: then it is on disk, and nobody was told.
    """

    def __init__(self, disk: Disk, life: Life, random: Random, speed: Speed) -> None:
        self.store = disk
        self.uncommitted = 0
        self._life = life
        self._random = random
        self._speed = speed
        self._loop = asyncio.get_running_loop()
        self._free_at = 0.0

    async def put(self, records: Sequence[NewRecord]) -> list[Stored | Exception]:
        return await self._write(lambda: self.store.put(records))

    async def forget(self, cids: Sequence[str]) -> int:
        return await self._write(lambda: self.store.forget(cids))

    async def enqueue(self, deliveries: Sequence[tuple[int, str]]) -> int:
        return await self._write(lambda: self.store.enqueue(deliveries))

    async def delivered(self, seat: int, cids: Sequence[str]) -> None:
        await self._write(lambda: self.store.delivered(seat, cids))

    async def drop_seats(self, seats: Sequence[int]) -> int:
        return await self._write(lambda: self.store.drop_seats(seats))

    async def search(self, vector: Embedding, top_k: int, where: Where | None) -> list[Hit]:
        return await self._read(lambda: self.store.search(vector, top_k, where))

    async def get(self, cid: str) -> Record | None:
        return await self._read(lambda: self.store.get(cid))

    async def embeddings(self, cids: Sequence[str]) -> list[bytes | None]:
        return await self._read(lambda: self.store.embeddings(cids))

    async def has(self, cids: Sequence[str]) -> dict[str, float]:
        return await self._read(lambda: self.store.has(cids))

    async def list(self, limit: int, cursor: str | None, where: Where | None) -> Page:
        return await self._read(lambda: self.store.list(limit, cursor, where))

    async def stats(self) -> StoreStats:
        return await self._read(self.store.stats)

    async def digests(self) -> NDArray[np.uint8]:
        return await self._read(self.store.digests)

    async def refused(self) -> NDArray[np.uint8]:
        return await self._read(self.store.refused)

    async def waiting(self) -> dict[int, int]:
        return await self._read(self.store.waiting)

    async def outbox(self, seat: int, limit: int, after: str | None = None) -> list[Delivery]:
        return await self._read(lambda: self.store.outbox(seat, limit, after))

    async def _read(self, call: Callable[[], T]) -> T:
        """Others get their turn first, as they do while a thread reads."""
        await asyncio.sleep(0)
        self._life.check()
        return call()

    async def _write(self, call: Callable[[], T]) -> T:
        """Commits whether or not the caller still waits, unless the process ends before."""
        self._life.check()
        duration = self._random.uniform(0, 2 * self._speed.commit_s)
        self._free_at = max(self._free_at, self._loop.time()) + duration
        done: asyncio.Future[T] = self._loop.create_future()
        self._loop.call_at(self._free_at, self._commit, call, done)
        found = await done
        await asyncio.sleep(self._random.uniform(0, self._speed.commit_s))
        return found

    def _commit(self, call: Callable[[], T], done: asyncio.Future[T]) -> None:
        if not self._life.alive:
            return
        try:
            found = call()
        except Exception as error:  # noqa: BLE001  handed on to whoever waits
            if not done.done():
                done.set_exception(error)
        else:
            if not done.done():
                done.set_result(found)

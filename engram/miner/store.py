"""The asyncio face of the vector store: no call blocks the loop, and each has a deadline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from engram.core.where import Where
from engram.errors import Overloaded
from engram.miner.gather import Gatherer
from engram.miner.landing import Landing
from engram.miner.lane import Lane
from engram.storage.interface import (
    Delivery,
    Embedding,
    Hit,
    NewRecord,
    Page,
    Record,
    Stored,
    StoreStats,
    VectorStore,
)

T = TypeVar("T")

POINT_THREADS = 4  # searches and look-ups: more threads than two cores only queue inside FAISS
SCAN_THREADS = 2  # pages and filters may read the whole store; they must not hold up searches
CHORE_THREADS = 4  # the outbox's changes wait for the disk, not the processor, and share a commit
AT_ONCE = 16_384  # pairs or CIDs in one call: a fraction of a second, far within the deadline
MAX_WAITING = 512  # calls in front of either; at 1 ms a search this is half a second
MAX_UNCOMMITTED = 8_192  # records: two dozen full batches, some 30 MB


class MinerStore:
    """Durable write, then answer; reads on a few threads. What replication calls a Shelf."""

    def __init__(self, store: VectorStore, deadline_s: float, landing: Landing) -> None:
        self.store = store
        self.uncommitted = 0
        self._gatherer = Gatherer(store, deadline_s, landing)
        self.points = Lane("reads", POINT_THREADS, MAX_WAITING, deadline_s, landing)
        self.scans = Lane("scans", SCAN_THREADS, MAX_WAITING, deadline_s, landing)
        self.chores = Lane("chores", CHORE_THREADS, MAX_WAITING, deadline_s, landing)

    async def put(self, records: Sequence[NewRecord]) -> list[Stored | Exception]:
        """Store the records; returns when they are on disk and searchable, in order.

        Raises StorageFull or Overloaded for all of them; then nothing was stored.
        """
        if self.uncommitted + len(records) > MAX_UNCOMMITTED:
            raise Overloaded("Too many records wait for the disk; try again.", retry_after=1)
        self.uncommitted += len(records)
        try:
            return await self._gatherer.put(records)
        finally:
            self.uncommitted -= len(records)

    async def search(self, vector: Embedding, top_k: int, where: Where | None) -> list[Hit]:
        """The nearest records, see VectorStore.search."""
        return await self.points.run(self.store.search, vector, top_k, where)

    async def get(self, cid: str) -> Record | None:
        """One record, see VectorStore.get."""
        return await self.points.run(self.store.get, cid)

    async def embeddings(self, cids: Sequence[str]) -> list[bytes | None]:
        """The bytes that proofs are made from, see VectorStore.embeddings."""
        return await self.points.run(self.store.embeddings, cids)

    async def has(self, cids: Sequence[str]) -> dict[str, float]:
        """When each was stored, see VectorStore.has."""
        return await self.points.run(self.store.has, cids)

    async def forget(self, cids: Sequence[str]) -> int:
        """Remove records without tombstones, see VectorStore.forget."""
        return sum([await self.chores.run(self.store.forget, some) for some in parts(cids)])

    async def digests(self) -> NDArray[np.uint8]:
        """What is held, see VectorStore.digests."""
        return await self.chores.run(self.store.digests)

    async def refused(self) -> NDArray[np.uint8]:
        """What the operator deleted, see VectorStore.refused."""
        return await self.chores.run(self.store.refused)

    async def enqueue(self, deliveries: Sequence[tuple[int, str]]) -> int:
        """Queue (seat, CID) pairs in the outbox, see VectorStore.enqueue."""
        return sum([await self.chores.run(self.store.enqueue, some) for some in parts(deliveries)])

    async def waiting(self) -> dict[int, int]:
        """Seat to the number of records that wait for it, see VectorStore.waiting."""
        return await self.chores.run(self.store.waiting)

    async def outbox(self, seat: int, limit: int, after: str | None = None) -> list[Delivery]:
        """A page of what waits for a seat, see VectorStore.outbox."""
        return await self.chores.run(self.store.outbox, seat, limit, after)

    async def delivered(self, seat: int, cids: Sequence[str]) -> None:
        """Take these off the outbox, see VectorStore.delivered."""
        for some in parts(cids):
            await self.chores.run(self.store.delivered, seat, some)

    async def drop_seats(self, seats: Sequence[int]) -> int:
        """Take everything for these seats off the outbox, see VectorStore.drop_seats."""
        return sum([await self.chores.run(self.store.drop_seats, [seat]) for seat in seats])

    async def list(self, limit: int, cursor: str | None, where: Where | None) -> Page:
        """A page of records, see VectorStore.list."""
        return await self.scans.run(self.store.list, limit, cursor, where)

    async def stats(self) -> StoreStats:
        """Counts, see VectorStore.stats."""
        return await self.points.run(self.store.stats)

    def close(self) -> None:
        """Finish what runs, then close the store. Blocks."""
        self.points.close()
        self.scans.close()
        self.chores.close()
        self.store.close()


def parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items, as many at once as one call takes."""
    return (items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE))

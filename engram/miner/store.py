"""The asyncio face of the vector store: no call blocks the loop, and each has a deadline."""

from __future__ import annotations

from collections.abc import Sequence

from engram.core.where import Where
from engram.errors import Overloaded
from engram.miner.gather import Gatherer
from engram.miner.landing import Landing
from engram.miner.lane import Lane
from engram.storage.interface import (
    Embedding,
    Hit,
    NewRecord,
    Page,
    Record,
    Stored,
    StoreStats,
    VectorStore,
)

POINT_THREADS = 4  # searches and look-ups: more threads than two cores only queue inside FAISS
SCAN_THREADS = 2  # pages and filters may read the whole store; they must not hold up searches
MAX_WAITING = 512  # calls in front of either; at 1 ms a search this is half a second
MAX_UNCOMMITTED = 8_192  # records: two dozen full batches, some 30 MB


class MinerStore:
    """Durable write, then answer; reads on a few threads."""

    def __init__(self, store: VectorStore, deadline_s: float, landing: Landing) -> None:
        self.store = store
        self.uncommitted = 0
        self._gatherer = Gatherer(store, deadline_s, landing)
        self.points = Lane("reads", POINT_THREADS, MAX_WAITING, deadline_s, landing)
        self.scans = Lane("scans", SCAN_THREADS, MAX_WAITING, deadline_s, landing)

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
        self.store.close()

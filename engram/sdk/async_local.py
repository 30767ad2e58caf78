"""A folder's records for asyncio: each call runs on a worker thread, the event loop goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeVar

from engram.errors import EngramError
from engram.sdk.backend import Backend
from engram.sdk.items import Item
from engram.sdk.results import (
    Ingested,
    Metadata,
    Outcomes,
    Page,
    Record,
    Results,
    Stats,
    Verification,
)

T = TypeVar("T")


class AsyncLocalClient:
    """Opens the folder on first use, because opening reads files."""

    def __init__(self, opener: Callable[[], Backend]) -> None:
        self._opener = opener
        self._opening: asyncio.Task[Backend] | None = None

    async def ingest(self, text: str, metadata: Metadata | None = None) -> Ingested:
        return await self._call(lambda local: local.ingest(text, metadata))

    async def ingest_many(self, items: Iterable[Item]) -> Outcomes:
        return await self._call(lambda local: local.ingest_many(items))

    async def query(self, text: str, top_k: int = 10, where: Metadata | None = None) -> Results:
        return await self._call(lambda local: local.query(text, top_k, where))

    async def get(self, cid: str) -> Record:
        return await self._call(lambda local: local.get(cid))

    async def page(
        self, limit: int = 100, cursor: str | None = None, where: Metadata | None = None
    ) -> Page:
        return await self._call(lambda local: local.page(limit, cursor, where))

    async def verify(self, cid: str, *, metadata: Metadata | None = None) -> Verification:
        return await self._call(lambda local: local.verify(cid, metadata=metadata))

    async def stats(self) -> Stats:
        return await self._call(lambda local: local.stats())

    async def close(self) -> None:
        if self._opening is not None:
            local = await self._opening
            await asyncio.to_thread(local.close)

    async def _call(self, work: Callable[[Backend], T]) -> T:
        if self._opening is None:
            self._opening = asyncio.create_task(asyncio.to_thread(self._opener))
        try:
            local = await asyncio.shield(self._opening)
        except EngramError:
            self._opening = None  # the next call tries again: the folder may be free by then
            raise
        return await asyncio.to_thread(work, local)

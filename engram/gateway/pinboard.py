"""Looks after files on their way to permanent storage, beside everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from engram.blobs.arweave.pinning import Pinning
from engram.net.background import attempted

AT_ONCE = 4


class Pinboard:
    """Takes each waiting file as far as it goes, every ``every_s`` seconds."""

    def __init__(
        self,
        pinning: Pinning,
        every_s: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._pinning = pinning
        self._every_s = every_s
        self._sleep = sleep
        self._places = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Until cancelled. What is broken off goes on at the next start."""
        while True:
            await attempted("pinning", self.turn)
            await self._sleep(self._every_s)

    async def turn(self) -> None:
        """One look at everything that waits."""
        waiting = await self._pinning.waiting()
        await asyncio.gather(*(self._advance(content_cid) for content_cid in waiting))

    async def _advance(self, content_cid: str) -> None:
        async with self._places:
            await self._pinning.advance(content_cid)

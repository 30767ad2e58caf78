"""Time that moves only when a test says so."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count

SETTLING_TURNS = 20


class StillClock:
    """Stands still until it is moved; whoever sleeps is woken at once."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self.seconds = start
        self.slept: list[float] = []

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


class SteppedClock:
    """Wakes sleepers in their order while ``advance`` moves it on."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self.seconds = start
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.seconds + seconds, next(self._order), future))
        await future

    async def advance(self, seconds: float) -> None:
        """Move on, letting everybody who wakes on the way do what they do."""
        end = self.seconds + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, future = heapq.heappop(self._sleepers)
            self.seconds = max(self.seconds, at)
            if not future.done():
                future.set_result(None)
            await settle()
        self.seconds = end


async def settle() -> None:
    """Let everything run that can run without time passing."""
    for _ in range(SETTLING_TURNS):
        await asyncio.sleep(0)

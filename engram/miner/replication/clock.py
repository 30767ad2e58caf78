"""The node's own clocks, as replication sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engram.miner.replication.interface import Clock


@dataclass(frozen=True, slots=True)
class NodeClock:
    """Real time, or whatever a test puts in its place."""

    wall: Callable[[], float]
    """Unix seconds."""
    steady: Callable[[], float]
    """Seconds that never go back."""

    def now(self) -> float:
        return self.wall()

    def monotonic(self) -> float:
        return self.steady()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def first_of(clock: Clock, seconds: float, *awaited: asyncio.Future[Any]) -> None:
    """Return when one of them is done, at the latest ``seconds`` later. None is cancelled."""
    timer = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({timer, *awaited}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        timer.cancel()

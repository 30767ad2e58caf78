"""Each node's own idea of time, over the one that the loop keeps."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

EPOCH = 1_800_000_000.0  # unix seconds at which simulations begin


@dataclass
class SkewedClock:
    """A clock that is some seconds off, and gains or loses some each second."""

    loop: asyncio.AbstractEventLoop
    skew_s: float = 0.0
    """Of ``now`` alone, as when an operator sets it."""
    rate: float = 1.0
    """Its seconds in one of the loop's."""
    _since: float = 0.0
    _gone: float = 0.0

    def drift(self, rate: float) -> None:
        """From now on it goes at this rate."""
        self._gone, self._since = self.monotonic(), self.loop.time()
        self.rate = rate

    def now(self) -> float:
        return EPOCH + self.monotonic() + self.skew_s

    def monotonic(self) -> float:
        return self._gone + (self.loop.time() - self._since) * self.rate

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.rate)

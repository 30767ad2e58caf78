"""Background work gives way: to searches that are under way, and to a rate of bytes."""

from __future__ import annotations

from collections.abc import Callable

from engram.miner.replication.interface import Clock

LOOK_EVERY_S = 0.02  # a search takes a few milliseconds
YIELDS_AT_MOST_S = 1.0  # a node that is never idle must still be repaired


class Courtesy:
    """One for all background work of a node.

    ``searches`` says how many are in flight. Bytes are let through at ``bytes_per_s``; what was
    not used within a second is lost.
    """

    def __init__(self, clock: Clock, searches: Callable[[], int], bytes_per_s: float) -> None:
        self._clock = clock
        self._searches = searches
        self._bytes_per_s = bytes_per_s
        self._free_at = clock.monotonic()
        self.yielded_s = 0.0
        """Seconds that work has waited for searches."""

    async def turn(self, size: int) -> None:
        """Return when it is this work's turn; ``size`` is the bytes that it is about to move."""
        await self._let_searches_pass()
        now = self._clock.monotonic()
        start = max(self._free_at, now - 1.0)
        self._free_at = start + size / self._bytes_per_s
        if start > now:
            await self._clock.sleep(start - now)

    async def _let_searches_pass(self) -> None:
        waited = 0.0
        while self._searches() and waited < YIELDS_AT_MOST_S:
            await self._clock.sleep(LOOK_EVERY_S)
            waited += LOOK_EVERY_S
        self.yielded_s += waited

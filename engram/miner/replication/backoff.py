"""How long a peer that failed is left alone."""

from __future__ import annotations

import random

from engram.miner.replication.interface import Clock

FIRST_S = 0.5  # a connection that broke off is often good again at once
LONGEST_S = 60.0  # a peer's silence costs some ten messages in its first minute, then two a minute
SPREAD = 0.5  # of the wait, either way: nodes that lost the same peer do not come back in step


class Backoff:
    """Twice as long after each failure in a row, to a limit; one for each peer."""

    def __init__(self, clock: Clock, chance: random.Random) -> None:
        self._clock = clock
        self._chance = chance
        self._until = float("-inf")
        self.failures = 0
        """In a row."""

    @property
    def left_s(self) -> float:
        """Seconds until the peer may be asked again; 0 if it may be now."""
        return max(0.0, self._until - self._clock.monotonic())

    def failed(self, retry_after: float | None = None) -> None:
        """Leave it alone; ``retry_after`` (seconds) is what it asked for itself."""
        wait = min(LONGEST_S, FIRST_S * 2.0 ** min(self.failures, 30))
        self.failures += 1
        spread = wait * self._chance.uniform(1 - SPREAD, 1 + SPREAD)
        self._until = self._clock.monotonic() + max(spread, retry_after or 0.0)

    def lift(self) -> None:
        """It showed itself, so it may be asked now; whether it takes anything is not known yet.

        A peer that only shows itself, and refuses each time, is asked less and less all the same.
        """
        self._until = float("-inf")

    def reset(self) -> None:
        """It took what it was sent."""
        self.failures = 0
        self._until = float("-inf")

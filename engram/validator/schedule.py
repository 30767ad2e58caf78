"""Cadences: each action at its own interval, whatever the others do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from engram.net.background import attempted
from engram.validator.clock import Clock

Job = Callable[[], Awaitable[float | None]]
"""Does one turn. Seconds to the next one, or None for the usual interval."""

log = structlog.get_logger("engram.validator")


class Cadence:
    """Runs a job every so many seconds. A turn that overruns makes others be left out, not late.

    ``last_began`` (unix seconds) is when the job last began, in this process or in one before it:
    a validator that is restarted does not begin its intervals anew.
    """

    def __init__(
        self, name: str, every_s: float, job: Job, clock: Clock, last_began: float | None = None
    ) -> None:
        self.name = name
        self.every_s = every_s
        self.runs = 0
        self.skipped = 0
        """Turns left out because another one took their time."""
        self.failed = 0
        self.last_began = last_began
        self.last_seconds: float | None = None
        self.next_at = clock.monotonic() + self._first_wait(clock.now())
        """By the monotonic clock."""
        self._job = job
        self._clock = clock
        self._sooner: float | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._clock.sleep(max(0.0, self.next_at - self._clock.monotonic()))
            await self.turn()

    async def turn(self) -> None:
        """Run the job once, now, and settle when it comes next."""
        began = self._clock.monotonic()
        self.last_began = self._clock.now()
        self._sooner = None
        self.failed += not await attempted(self.name, self._work)
        self.runs += 1
        ended = self._clock.monotonic()
        self.last_seconds = ended - began
        self._settle(began, ended)

    def seconds_left(self) -> float:
        """Until the next turn."""
        return max(0.0, self.next_at - self._clock.monotonic())

    async def _work(self) -> None:
        self._sooner = await self._job()

    def _settle(self, began: float, ended: float) -> None:
        if self._sooner is not None:
            self.next_at = ended + min(self._sooner, self.every_s)
            return
        missed = int((ended - began) // self.every_s)
        self.next_at = began + (missed + 1) * self.every_s
        if missed:
            self.skipped += missed
            log.warning(
                "a turn took the time of others, which are left out",
                cadence=self.name,
                left_out=missed,
                seconds=round(ended - began, 1),
            )

    def _first_wait(self, now: float) -> float:
        if self.last_began is None:
            return 0.0
        return min(max(0.0, self.last_began + self.every_s - now), self.every_s)

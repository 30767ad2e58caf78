"""Follows the chain: the finalized block every block time, members at each placement block."""

from __future__ import annotations

import asyncio

import structlog

from engram.chain.interface import Snapshot
from engram.errors import ChainRejected, ChainUnavailable
from engram.net.background import attempted
from engram.validator.chain_link import ChainLink
from engram.validator.clock import Clock
from engram.validator.roster import Roster

ATTEMPTS = 5  # seed
BETWEEN_ATTEMPTS_S = 10.0  # seed
REFRESH_BLOCKS = 25  # the seed's five minutes, in blocks of 12 s

log = structlog.get_logger("engram.validator")


class Follower:
    """Keeps the roster up to date. While the chain is away the last good roster stays."""

    def __init__(self, link: ChainLink, roster: Roster, clock: Clock) -> None:
        self.failures = 0
        """Attempts in a row that failed."""
        self.block_time_s = 12.0
        self._link = link
        self._roster = roster
        self._clock = clock
        self._refreshed_at: int | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await attempted("follow the chain", self.turn)
            await self._clock.sleep(self.pause_s)

    @property
    def pause_s(self) -> float:
        """Seconds to the next turn."""
        return BETWEEN_ATTEMPTS_S if self.failures else max(0.05, self.block_time_s)

    async def turn(self) -> None:
        """Look at the chain once. After a silence everything is read anew: it may be another."""
        try:
            if self.failures or self._refreshed_at is None:
                self._refreshed_at = None
                await self._connect()
            await self._follow()
        except (ChainUnavailable, ChainRejected) as error:
            self._failed(error)
        else:
            self._answered()

    async def _connect(self) -> None:
        await self._link.connect()
        rules = await self._link.hyperparameters()
        self.block_time_s = rules.block_time_s

    async def _follow(self) -> None:
        block = await self._link.block()
        table = self._roster.table
        if table.behind(block.number) or self._refreshed_at is None:
            await self._place(table.placement_block(block.number))
        elif self._is_fresh(block.number):
            return
        latest = await self._link.snapshot()
        await asyncio.to_thread(self._take, latest)
        self._refreshed_at = block.number

    def _is_fresh(self, block: int) -> bool:
        """False also for a chain that was restored to an earlier block."""
        refreshed = self._refreshed_at
        return refreshed is not None and refreshed <= block < refreshed + REFRESH_BLOCKS

    async def _place(self, number: int) -> None:
        """Move to a placement block, if every member's registration hash is known."""
        earlier = number - self._roster.table.every
        if earlier < 0:
            return  # a chain so young has no two placement blocks
        current = await self._link.snapshot(number)
        previous = await self._link.snapshot(earlier)
        if not await asyncio.to_thread(self._bootstrap, current, previous):
            log.warning("a member's block hash is not known yet", placement_block=number)

    def _bootstrap(self, current: Snapshot, previous: Snapshot) -> bool:
        table = self._roster.table
        members = table.current.members if table.current else ()
        moved = table.bootstrap(current, previous)
        if moved and table.current and table.current.members != members:
            self._roster.update(current)
            log.info("members changed", members=len(table.current.members))
        return moved

    def _take(self, latest: Snapshot) -> None:
        self._roster.table.learn(latest)
        self._roster.update(latest)

    def _failed(self, error: ChainUnavailable | ChainRejected) -> None:
        self.failures += 1
        if self.failures <= ATTEMPTS:
            log.warning("no chain", attempt=self.failures, reason=error.message)
        if self.failures == ATTEMPTS:
            log.warning(
                "going on without the chain, with the members last known; it is tried again "
                f"every {BETWEEN_ATTEMPTS_S:g} s"
            )

    def _answered(self) -> None:
        if self.failures:
            log.info("the chain answers again", after_failures=self.failures)
        self.failures = 0

"""When which member is compared with: each in its turn, and at once when something happened."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from engram.dht import Member, RoutingTable
from engram.miner.replication.interface import Clock
from engram.miner.replication.reach import Reach
from engram.net.background import attempted

AT_ONCE = 4  # members; a silent one holds up one of them for as long as a request may take
SOON = 12  # a part of the interval: 5 s of 60
LEAST_APART = 4  # a part of the interval: what a member lets itself be compared with at most
LOOKS = 20  # in one interval


class Rounds:
    """Calls ``compare`` for each member every ``every_s`` seconds.

    All come soon after the members or the absent among them changed, and after the start; one alone
    after ``soon``. ``chance`` spreads them.
    """

    def __init__(
        self,
        table: RoutingTable,
        reach: Reach,
        clock: Clock,
        chance: random.Random,
        every_s: float,
        compare: Callable[[Member], Awaitable[bool]],
    ) -> None:
        self._table = table
        self._reach = reach
        self._clock = clock
        self._chance = chance
        self._every_s = every_s
        self._compare = compare
        self._known: object = None
        self._due: dict[int, float] = {}
        self._began: dict[int, float] = {}
        self._busy: set[int] = set()

    async def run(self) -> None:
        """Compare until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work())

    def soon(self, member: Member) -> None:
        """Compare with this member before its turn, though not without pause."""
        now = self._clock.monotonic()
        pause = self._began.get(member.seat, float("-inf")) + self._every_s / LEAST_APART
        at = max(now, pause) + self._chance.uniform(0, self._every_s / SOON)
        self._due[member.seat] = min(self._due.get(member.seat, at), at)

    async def _work(self) -> None:
        while True:
            member = self._next()
            if member is None:
                await self._clock.sleep(self._every_s / LOOKS)
            else:
                await self._turn(member)

    async def _turn(self, member: Member) -> None:
        seat, now = member.seat, self._clock.monotonic()
        self._busy.add(seat)
        self._began[seat] = now
        self._due[seat] = now + self._every_s * self._chance.uniform(0.9, 1.1)

        async def compare() -> None:
            await self._compare(member)

        try:
            await attempted("comparison", compare)
        finally:
            self._busy.discard(seat)

    def _next(self) -> Member | None:
        """Whoever is due for the longest time."""
        current, local = self._table.current, self._table.local
        if current is None or local is None:
            return None
        now = self._clock.monotonic()
        others = [member for member in current.members if member != local]
        self._notice(others, now)
        due = [m for m in others if m.seat not in self._busy and self._due[m.seat] <= now]
        return min(due, key=lambda member: self._due[member.seat], default=None)

    def _notice(self, others: list[Member], now: float) -> None:
        """Hurry if holders have changed."""
        holders = ([(member.seat, member.url) for member in others], self._reach.absent())
        if holders == self._known:
            return
        self._known = holders
        soon = self._every_s / SOON
        self._due = {member.seat: now + self._chance.uniform(0, soon) for member in others}
        self._began = {seat: at for seat, at in self._began.items() if seat in self._due}

"""When which member is compared with: each in its turn, and at once when something happened."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import partial

from engram.dht import Member, RoutingTable
from engram.miner.replication.interface import Clock
from engram.miner.replication.reach import Reach
from engram.net.background import attempted

AT_ONCE = 4  # members; a silent one holds up one of them for as long as a request may take
SOON = 12  # a part of the interval: 5 s of 60, also between looks at what is due
LEAST_APART = 4  # a part of the interval: what a member lets itself be compared with at most


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
        self._others: list[Member] = []
        self._due: dict[int, float] = {}
        self._began: dict[int, float] = {}
        self._busy: set[int] = set()

    async def run(self) -> None:
        """Compare until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await attempted("comparisons", partial(self._begin, group))
                await self._clock.sleep(self._every_s / SOON)

    async def _begin(self, group: asyncio.TaskGroup) -> None:
        """Put whoever is idle to work on what is due."""
        self._notice()
        while len(self._busy) < AT_ONCE and (member := self._next()) is not None:
            group.create_task(self._turns(member))

    def soon(self, member: Member) -> None:
        """Compare with this member before its turn, though not without pause."""
        now = self._clock.monotonic()
        pause = self._began.get(member.seat, float("-inf")) + self._every_s / LEAST_APART
        at = max(now, pause) + self._chance.uniform(0, self._every_s / SOON)
        self._due[member.seat] = min(self._due.get(member.seat, at), at)

    async def _turns(self, member: Member | None) -> None:
        """This member's turn, then that of whoever else is due."""
        while member is not None:
            await self._turn(member)
            self._busy.discard(member.seat)
            member = self._next()

    async def _turn(self, member: Member) -> None:
        async def compare() -> None:
            await self._compare(member)

        await attempted("comparison", compare)

    def _next(self) -> Member | None:
        """Whoever is due for the longest time: it is busy from now on, and due anew."""
        now = self._clock.monotonic()
        due = [m for m in self._others if m.seat not in self._busy and self._due[m.seat] <= now]
        member = min(due, key=lambda each: self._due[each.seat], default=None)
        if member is not None:
            self._busy.add(member.seat)
            self._began[member.seat] = now
            self._due[member.seat] = now + self._every_s * self._chance.uniform(0.9, 1.1)
        return member

    def _notice(self) -> None:
        """Look who the members are, and hurry if holders have changed."""
        current, local = self._table.current, self._table.local
        members = current.members if current is not None and local is not None else ()
        holders = (members, self._reach.absent())
        if holders == self._known:
            return
        self._known = holders
        self._others = [member for member in members if member != local]
        now, soon = self._clock.monotonic(), self._every_s / SOON
        self._due = {each.seat: now + self._chance.uniform(0, soon) for each in self._others}
        self._began = {seat: at for seat, at in self._began.items() if seat in self._due}

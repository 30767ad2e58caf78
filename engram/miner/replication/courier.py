"""Bringing to one member what waits for it: at once what is new, with patience what is left."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any

from engram.dht import Member
from engram.errors import Unavailable
from engram.miner.replication.account import Account
from engram.miner.replication.acknowledge import Acknowledgements
from engram.miner.replication.backlog import Backlog, Yielding
from engram.miner.replication.backoff import Backoff
from engram.miner.replication.clock import first_of
from engram.miner.replication.deliver import Carrier, Parcel
from engram.miner.replication.frame import grouped
from engram.miner.replication.interface import Clock, Shelf
from engram.net.background import attempted

MOST_FRESH = 4_096  # parcels in memory, some 10 MB of ordinary records; more wait on disk
MOST_SURE = 65_536  # CIDs, some 8 MB

Turn = Callable[[], Coroutine[Any, Any, None]]


class Courier:
    """Two tasks for one seat, each running only while it has something to do.

    What was just ingested is in memory and goes out at once; whatever arrives while a request is
    on its way goes with the next one. All else waits on disk, is asked about before it is sent, and
    yields to queries. A parcel that does not come through at once goes the second way.
    """

    def __init__(
        self,
        account: Account,
        shelf: Shelf,
        carrier: Carrier,
        acknowledgements: Acknowledgements,
        courtesy: Yielding,
        clock: Clock,
        chance: random.Random,
    ) -> None:
        self.account = account
        self._carrier = carrier
        self._acknowledgements = acknowledgements
        self._clock = clock
        pace = Backoff(clock, chance)
        self._backlog = Backlog(account, shelf, carrier, courtesy, self._in_hand, pace)
        self._fresh: dict[str, Parcel] = {}
        self._on_the_way: dict[str, Parcel] = {}
        self._is_behind = False
        self._alarm: asyncio.Future[None] | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def bring(self, parcel: Parcel) -> None:
        """Take what is on disk since a moment ago."""
        if len(self._fresh) >= MOST_FRESH or not self.account.open:
            self._put_off([parcel])
            return
        self._fresh[parcel.cid] = parcel
        self._run("fresh", self._bring_fresh)

    def catch_up(self, sure: Iterable[str] = ()) -> None:
        """Look at what waits on disk; ``sure`` names what the member is known to lack."""
        self._is_behind = True
        if len(self._backlog.sure) < MOST_SURE:
            self._backlog.sure.update(sure)
        self._run("backlog", self._catch_up)

    def wake(self) -> None:
        """The member is there again: what waited for its silence to end goes on."""
        if self.account.silent:
            self.account.backoff.lift()
            if self._alarm is not None and not self._alarm.done():
                self._alarm.set_result(None)
        if self._is_behind:
            self.catch_up()

    @property
    def busy(self) -> bool:
        """True while a task runs."""
        return any(not task.done() for task in self._tasks.values())

    async def close(self) -> None:
        """Stop; what was not acknowledged waits on disk."""
        running = [task for task in self._tasks.values() if not task.done()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        await self.account.close()

    def _run(self, name: str, turn: Turn) -> None:
        """Start a task unless it runs already."""
        task = self._tasks.get(name)
        if task is None or task.done():
            self._tasks[name] = asyncio.create_task(turn(), name=f"{name}-{self.account.seat}")

    def _in_hand(self, cid: str) -> bool:
        """Whether the CID is brought already, or only still to leave the disk."""
        return cid in self._fresh or self.account.is_leaving(cid) or cid in self._on_the_way

    def _addressee(self) -> Member | None:
        """Who sits there; None while that is nobody, or while this node is no member itself."""
        holders = self._carrier.holders
        return holders.seated(self.account.seat) if holders.local is not None else None

    async def _bring_fresh(self) -> None:
        while self._fresh:
            member = self._addressee()
            if member is None or not self.account.open:
                self._put_off(list(self._fresh.values()))
                return
            group = next(grouped(parcel.packed for parcel in self._fresh.values()))
            self._on_the_way = {packed.cid: self._fresh.pop(packed.cid) for packed in group}
            if not await attempted("deliveries", partial(self._bring_some, member)):
                self.account.backoff.failed()
                self._put_off(list(self._on_the_way.values()))
            self._on_the_way = {}

    async def _bring_some(self, member: Member) -> None:
        brought = await self._carrier.bring(member, list(self._on_the_way.values()))
        self.account.settle(brought)
        if brought.kept:
            self.catch_up()

    def _put_off(self, parcels: Sequence[Parcel]) -> None:
        """Leave these to the second way: they are on disk."""
        cids = [parcel.cid for parcel in parcels]
        for cid in cids:
            self._fresh.pop(cid, None)
        self._acknowledgements.put_off(self.account.seat, cids)
        self.catch_up()

    async def _catch_up(self) -> None:
        while self._is_behind:
            await self._rested()
            member = self._addressee()
            if member is None:
                return  # whoever sees the table move wakes all
            self._is_behind = False
            if not await attempted("backlog", partial(self._go_round, member)):
                self._backlog.pace.failed()
                self._is_behind = True

    async def _go_round(self, member: Member) -> None:
        try:
            whole = await self._backlog.round(member)
        except Unavailable:  # our own disk or threads have more urgent things to do
            self._backlog.pace.failed()
            whole = False
        self._is_behind = self._is_behind or not whole

    async def _rested(self) -> None:
        """Wait until the member may be asked again."""
        while (left := self._backlog.rest_s) > 0:
            self._alarm = asyncio.get_running_loop().create_future()
            await first_of(self._clock, left, self._alarm)

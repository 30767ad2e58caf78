"""Faults by seed: what goes wrong, where, when and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from tests.simulation.books import Books
from tests.simulation.keys import Key
from tests.simulation.miner import Miner
from tests.simulation.world import World

PAUSE_S = 45.0  # mean, from one fault to the next
LONGEST_S = 900.0
MOST_DOWN = 0.3  # of the miners, at once
MOST_LEFT = 2  # members, at once


class Faults:
    """Lets things go wrong until it is told to stop; then it mends all that it broke."""

    def __init__(self, world: World, books: Books) -> None:
        self._world = world
        self._books = books
        self._random: Random = world.part("faults")
        self._open: dict[asyncio.Task[None], None] = {}
        self._left: set[str] = set()
        self.kinds: dict[str, Callable[[], Awaitable[None]]] = {
            "crash": self._crash,
            "wipe": self._wipe,
            "partition": self._partition,
            "loss": self._loss,
            "delay": self._delay,
            "one is slow": self._one_is_slow,
            "duplication": self._duplication,
            "skew": self._skew,
            "drift": self._drift,
            "slow disk": self._slow_disk,
            "full disk": self._full_disk,
            "damage": self._damage,
            "no chain": self._no_chain,
            "leaves": self._leave,
        }

    async def run(self, seconds: float) -> None:
        """Faults for so long, then none."""
        end = self._world.loop.time() + seconds
        while self._world.loop.time() < end:
            await asyncio.sleep(self._random.expovariate(1 / PAUSE_S))
            kind = self._random.choice(sorted(self.kinds))
            task = self._world.loop.create_task(self._fault(kind))
            self._open[task] = None
            task.add_done_callback(lambda done: self._open.pop(done))
        mending = list(self._open)
        for task in mending:
            task.cancel()
        await asyncio.gather(*mending, return_exceptions=True)

    async def _fault(self, kind: str) -> None:
        self._world.trace.note(f"fault: {kind}")
        await self.kinds[kind]()
        self._world.trace.note(f"mended: {kind}")

    async def _lasts(self) -> None:
        """So long, or until all faults end."""
        await asyncio.sleep(min(LONGEST_S, self._random.expovariate(1 / 120)))

    def _some_miner(self) -> Miner:
        return self._random.choice(self._world.miners)

    def _may_fall(self, miner: Miner) -> bool:
        down = sum(not each.alive for each in self._world.miners)
        return miner.alive and down < MOST_DOWN * len(self._world.miners)

    async def _crash(self) -> None:
        miner = self._some_miner()
        if not self._may_fall(miner):
            return
        self._world.trace.note(f"{miner.name} is killed")
        miner.crash()
        try:
            await self._lasts()
        finally:
            miner.start()

    async def _wipe(self) -> None:
        """Killed, and the disk is replaced by an empty one."""
        miner = self._some_miner()
        if not self._may_fall(miner) or not self._books.may_take(
            miner.disk, list(miner.disk.records)
        ):
            return
        self._world.trace.note(f"{miner.name} is killed and wiped")
        miner.crash()
        self._world.wipe(miner)
        try:
            await self._lasts()
        finally:
            miner.start()

    async def _leave(self) -> None:
        """Its UID goes to somebody who serves nothing, and comes back as another registration."""
        miner = self._some_miner()
        if len(self._left) == MOST_LEFT or miner.name in self._left:
            return
        self._left.add(miner.name)
        self._world.trace.note(f"{miner.name} is no member any more")
        self._world.register(miner, Key(f"whoever follows {miner.name}"))
        try:
            await asyncio.sleep(self._random.uniform(60, LONGEST_S))
        finally:
            self._world.register(miner, miner.key)
            self._left.discard(miner.name)

    async def _partition(self) -> None:
        network = self._world.network
        if network.weather.parts:
            return
        names = [miner.name for miner in self._world.miners] + self._world.others
        network.divide(self._random.sample(names, self._random.randint(1, len(names) // 2)))
        try:
            await self._lasts()
        finally:
            network.join()

    async def _loss(self) -> None:
        weather = self._world.network.weather
        weather.loss = self._random.uniform(0.01, 0.3)
        try:
            await self._lasts()
        finally:
            weather.loss = 0.0

    async def _delay(self) -> None:
        weather = self._world.network.weather
        weather.delay_s = self._random.uniform(0.05, 1.0)
        try:
            await self._lasts()
        finally:
            weather.delay_s = 0.01

    async def _one_is_slow(self) -> None:
        miner, weather = self._some_miner(), self._world.network.weather
        weather.slow[miner.name] = self._random.uniform(0.5, 12.0)
        try:
            await self._lasts()
        finally:
            weather.slow.pop(miner.name, None)

    async def _duplication(self) -> None:
        weather = self._world.network.weather
        weather.repeated = self._random.uniform(0.05, 0.5)
        try:
            await self._lasts()
        finally:
            weather.repeated = 0.0

    async def _skew(self) -> None:
        miner = self._some_miner()
        miner.clock.skew_s = self._random.choice((-1, 1)) * self._random.uniform(5, 600)
        try:
            await self._lasts()
        finally:
            miner.clock.skew_s = 0.0

    async def _drift(self) -> None:
        miner = self._some_miner()
        miner.clock.drift(self._random.uniform(0.98, 1.02))
        try:
            await self._lasts()
        finally:
            miner.clock.drift(1.0)

    async def _slow_disk(self) -> None:
        miner = self._some_miner()
        miner.speed.commit_s = self._random.uniform(0.1, 3.0)
        try:
            await self._lasts()
        finally:
            miner.speed.commit_s = 0.004

    async def _full_disk(self) -> None:
        miner = self._some_miner()
        miner.disk.full = True
        try:
            await self._lasts()
        finally:
            miner.disk.full = False

    async def _damage(self) -> None:
        disk = self._some_miner().disk
        intact = sorted(disk.records.keys() - disk.damaged)
        if not intact:
            return
        cid = self._random.choice(intact)
        if self._books.may_take(disk, [cid]):
            self._world.trace.note(f"{disk.name} has a damaged {cid[:16]}")
            disk.damage(cid)

    async def _no_chain(self) -> None:
        miner = self._some_miner()
        miner.chain.down = True
        try:
            await self._lasts()
        finally:
            miner.chain.down = False

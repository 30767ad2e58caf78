"""One seed: a network lives through its faults, and then has time to mend itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, TextIO

from engram.config import ValidatorSettings
from tests.simulation.faults import Faults
from tests.simulation.invariants import Agreement, Messages, foreign, lacking
from tests.simulation.liars import some_liars
from tests.simulation.readers import Reader
from tests.simulation.stage import staged
from tests.simulation.trace import Trace
from tests.simulation.validator import Validator
from tests.simulation.world import World
from tests.simulation.writers import Writer

MINERS = 16
VALIDATORS = 3
HOUR = 3_600.0
ABSENT_AFTER_S = 300.0
COMPARE_EVERY_S = 180.0  # 60 in a real node: most of what a quiet network says is comparisons
HEALED_WITHIN_S = ABSENT_AFTER_S + 900.0
KEEP_FOREIGN_S = 600.0
SETTLED_WITHIN_S = 600.0  # two placement blocks, until a new registration counts everywhere
LEFT_WITHIN_S = SETTLED_WITHIN_S + KEEP_FOREIGN_S + 900.0
PLACEMENT_BLOCKS = 25  # five minutes, so that nodes move often
LOOK_EVERY_S = 10.0
MENDING_S = 1_200.0


@dataclass(frozen=True)
class Outcome:
    """What is to be said of a simulation that went well."""

    seed: int
    events: int
    digest: str
    records: int
    healed_s: float
    """Seconds from the end of the faults until every record was whole."""
    tidy_s: float
    """Until each miner held its assignment and nothing else."""
    most_messages: int
    """From one miner to another within a minute."""


def judging(folder: Path) -> ValidatorSettings:
    """A validator that asks less than a real one: its questions are most of what is simulated."""
    return ValidatorSettings(
        data_dir=folder,
        placement_blocks=PLACEMENT_BLOCKS,
        min_known=8,
        probes=1,
        spots=1,
        audit_sample=16,
        scoring_every_s=600,
        placing_every_s=60,
        survey_every_s=600,
        survey_pages=1,
        repair_every_s=120,
        repair_after_s=300,
        unreachable_after_s=ABSENT_AFTER_S,
    )


class Simulation:
    """A seed's world and what goes on in it."""

    def __init__(self, seed: int, hours: float, trace: Trace, folder: Path) -> None:
        self.seed = seed
        self.seconds = max(hours * HOUR - MENDING_S, hours * HOUR / 4)
        """Of faults; the rest is for mending them."""
        self.trace = trace
        self.world = World(
            seed,
            folder,
            miners=MINERS,
            validators=VALIDATORS,
            liars=some_liars(MINERS, Random(seed)),
            trace=trace,
            absent_after_s=ABSENT_AFTER_S,
            compare_every_s=COMPARE_EVERY_S,
            keep_foreign_s=KEEP_FOREIGN_S,
            placement_blocks=PLACEMENT_BLOCKS,
            metagraph_every_s=60,
        )
        self.books = self.world.books
        self.validators = [
            Validator(self.world, key.name, key, uid, judging(folder / key.name))
            for uid, key in self.world.permitted
        ]
        self.faults = Faults(self.world, self.books)
        self.agreement = Agreement(self.world, self.books)
        self.messages = Messages(self.world, self.books)

    async def run(self) -> Outcome:
        """Live through it. Raises Broken."""
        life = asyncio.ensure_future(self._live())
        looks = asyncio.ensure_future(self._look())
        parts: list[asyncio.Future[Any]] = [self.books.broken, looks, life]
        await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        for part in parts:
            if part.done():
                part.result()
        looks.cancel()
        return life.result()

    async def _live(self) -> Outcome:
        self.world.start()
        for validator in self.validators:
            validator.start()
        await asyncio.sleep(5)
        writers = [Writer(self.world, f"writer{n}") for n in range(3)]
        readers = [Reader(self.world, f"reader{n}") for n in range(2)]
        await asyncio.gather(
            self.faults.run(self.seconds),
            *(writer.write_for(self.seconds, 30.0) for writer in writers),
            *(reader.read_for(self.seconds, 30.0) for reader in readers),
        )
        quiet_at = self.world.loop.time()
        self.trace.note("no more faults")
        await writers[0].read_damaged()
        healed_s = await self._until(self._whole, quiet_at, HEALED_WITHIN_S)
        tidy_s = await self._until(self._tidy, quiet_at, LEFT_WITHIN_S)
        return Outcome(
            self.seed,
            self.trace.events,
            self.trace.digest,
            len(self.books.acknowledged),
            healed_s,
            tidy_s,
            self.messages.most,
        )

    async def _until(self, problem: Callable[[], str], since: float, within_s: float) -> float:
        """Seconds until there is no problem. Fails with the problem if it stays."""
        while found := problem():
            if self.world.loop.time() > since + within_s:
                self.books.fail(f"{within_s:g} s after the last fault: {found}")
                await asyncio.sleep(0)
            await asyncio.sleep(LOOK_EVERY_S)
        return self.world.loop.time() - since

    def _whole(self) -> str:
        found = lacking(self.world, self.books)
        some = [f"{cid[:16]} is not on {', '.join(names)}" for cid, names in found.items()]
        return f"{len(some)} records lack copies: {'; '.join(some[:5])}" if some else ""

    def _tidy(self) -> str:
        found = foreign(self.world, self.books)
        some = [f"{name} has {len(cids)} ({cids[0][:16]}…)" for name, cids in found.items()]
        return f"copies that are no holder's: {'; '.join(some[:5])}" if some else self._whole()

    async def _look(self) -> None:
        """Check what can be checked at any time."""
        looks = 0
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            looks += 1
            self.agreement.check()
            if looks % 6 == 0:
                self.messages.check()


def run(seed: int, hours: float, file: TextIO | None = None) -> Outcome:
    """Simulate a seed from its begin to its end. Raises Broken or Unexpected with the last events.

    ``hours`` are simulated ones; the last twenty minutes of them are without faults.
    """
    trace = Trace(file)

    async def begun(folder: Path) -> Outcome:
        return await Simulation(seed, hours, trace, folder).run()

    try:
        return staged(begun)
    except BaseException as error:
        error.add_note(
            f"seed {seed}, {hours:g} hours; again: python -m tests.simulation --seed {seed} "
            f"--hours {hours:g}\nthe last events:\n{''.join(trace.last)}"
        )
        raise

"""Any two of a record's three holders lose everything at once."""

from __future__ import annotations

import asyncio
from itertools import combinations

import pytest

from tests.simulation.books import Sent
from tests.simulation.invariants import lacking
from tests.simulation.miner import Miner
from tests.simulation.readers import Reader
from tests.simulation.scenarios import holders, live, whole_within, written
from tests.simulation.world import World
from tests.simulation.writers import Writer

WITHIN_S = 900.0
RECORDS = 40
PAIRS = list(combinations(range(3), 2))


async def served_throughout(reader: Reader, records: list[Sent]) -> None:
    """Every record comes, again and again, right and from somebody."""
    while True:
        for sent in records:
            before = reader.found
            await reader.get(sent)
            assert reader.found > before
        await asyncio.sleep(1)


def wipe(world: World, miners: list[Miner]) -> None:
    for miner in miners:
        miner.crash()
        world.wipe(miner)


@pytest.mark.parametrize("pair", PAIRS)
def test_they_return_with_empty_disks(pair: tuple[int, int]) -> None:
    async def main(world: World) -> None:
        records = await written(Writer(world, "writer"), world.miners[0], RECORDS)
        gone = [holders(world, records[0].cid)[place] for place in pair]
        wipe(world, gone)
        reading = asyncio.ensure_future(served_throughout(Reader(world, "reader"), records))
        await asyncio.sleep(30)
        world.start(gone)
        assert await whole_within(world, WITHIN_S) <= WITHIN_S
        reading.cancel()
        assert not reading.done() or reading.result() is None

    live(main, miners=5)


@pytest.mark.parametrize("pair", PAIRS)
def test_they_stay_dead_and_others_stand_in(pair: tuple[int, int]) -> None:
    async def main(world: World) -> None:
        records = await written(Writer(world, "writer"), world.miners[0], RECORDS)
        gone = [holders(world, records[0].cid)[place] for place in pair]
        wipe(world, gone)
        reading = asyncio.ensure_future(served_throughout(Reader(world, "reader"), records))
        names = {miner.name for miner in world.miners if miner not in gone}
        began = world.loop.time()
        limit_s = world.settings.absent_after_s + WITHIN_S
        while not all(names <= world.books.holders[sent.cid] for sent in records):
            assert world.loop.time() - began < limit_s, lacking(world, world.books)
            await asyncio.sleep(1)
        assert not reading.done()
        reading.cancel()

    live(main, miners=5)

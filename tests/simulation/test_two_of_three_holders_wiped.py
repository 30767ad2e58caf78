"""Any two of a record's three holders lose everything at once."""

from __future__ import annotations

import asyncio
from itertools import combinations

import pytest

from tests.simulation.books import Sent
from tests.simulation.miner import Miner
from tests.simulation.readers import Reader
from tests.simulation.scenarios import (
    holders,
    judge,
    live,
    told,
    told_healthy,
    whole_within,
    written,
)
from tests.simulation.world import World
from tests.simulation.writers import Writer

WITHIN_S = 900.0
RECORDS = 40
PAIRS = list(combinations(range(3), 2))
READ_EVERY_S = 5.0


async def served_throughout(reader: Reader, records: list[Sent]) -> None:
    """Every record comes, again and again, right and from somebody."""
    while True:
        for sent in records:
            before = reader.found
            await reader.get(sent)
            assert reader.found > before
        await asyncio.sleep(READ_EVERY_S)


def wiped(world: World, records: list[Sent], pair: tuple[int, int]) -> list[Miner]:
    """Two of the holders of the first record, killed and with empty disks."""
    gone = [holders(world, records[0].cid)[place] for place in pair]
    for miner in gone:
        miner.crash()
        world.wipe(miner)
    return gone


@pytest.mark.parametrize("pair", PAIRS)
def test_they_return_with_empty_disks(pair: tuple[int, int]) -> None:
    async def main(world: World) -> None:
        records = await written(Writer(world, "writer"), world.miners[0], RECORDS)
        gone = wiped(world, records, pair)
        reading = asyncio.ensure_future(served_throughout(Reader(world, "reader"), records))
        await asyncio.sleep(30)
        world.start(gone)
        await whole_within(world, WITHIN_S)
        assert not reading.done(), reading.exception()

    live(main, miners=5)


@pytest.mark.parametrize("pair", PAIRS)
def test_they_stay_dead_and_others_stand_in(pair: tuple[int, int]) -> None:
    async def main(world: World) -> None:
        records = await written(Writer(world, "writer"), world.miners[0], RECORDS)
        gone = wiped(world, records, pair)
        reading = asyncio.ensure_future(served_throughout(Reader(world, "reader"), records))
        names = {miner.name for miner in world.miners if miner not in gone}
        async with asyncio.timeout(WITHIN_S):
            while not all(names <= world.books.holders[sent.cid] for sent in records):  # noqa: ASYNC110
                await asyncio.sleep(1)
        assert not reading.done(), reading.exception()

    live(main, miners=5)


def test_the_validator_sees_them_dead_and_the_records_healthy_again() -> None:
    """By its own evidence: their silence suspends their copies, audits confirm the stand-ins'."""

    async def main(world: World) -> None:
        validator = judge(world)
        records = await written(Writer(world, "writer"), world.miners[0], RECORDS)
        async with asyncio.timeout(WITHIN_S):
            await told_healthy(world, validator, RECORDS)
        wiped(world, records, (0, 1))
        async with asyncio.timeout(WITHIN_S):
            while (await told(world, validator))["DEGRADED"] == 0:  # noqa: ASYNC110
                await asyncio.sleep(1)
            await told_healthy(world, validator, RECORDS)

    live(main, miners=5, validators=1)

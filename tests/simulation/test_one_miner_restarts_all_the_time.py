"""One of five miners is killed every ten seconds while records come in."""

from __future__ import annotations

import asyncio

import pytest

from tests.simulation.invariants import foreign, lacking
from tests.simulation.scenarios import live
from tests.simulation.world import World
from tests.simulation.writers import Writer

WRITERS = 8
KEEP_S = 600.0
MENDED_S = 3_600.0


async def restart_for_ever(world: World) -> None:
    """Another one every time."""
    random = world.part("killer")
    while True:
        miner = random.choice(world.miners)
        miner.crash()
        await asyncio.sleep(random.uniform(0.5, 3))
        miner.start()
        await asyncio.sleep(10)


async def write(writer: Writer, count: int) -> None:
    """Whatever becomes of each."""
    for _ in range(count):
        await writer.write(writer.random.choice(writer.world.miners))


async def lived(world: World, records: int) -> None:
    killing = asyncio.ensure_future(restart_for_ever(world))
    writers = [Writer(world, f"writer{n}") for n in range(WRITERS)]
    await asyncio.gather(*(write(writer, records // WRITERS) for writer in writers))
    killing.cancel()
    await asyncio.sleep(5)
    world.start([miner for miner in world.miners if not miner.alive])
    assert len(world.books.acknowledged) > records / 2
    began = world.loop.time()
    while lacking(world, world.books) or foreign(world, world.books):
        assert world.loop.time() - began < MENDED_S, (
            len(lacking(world, world.books)),
            {name: len(cids) for name, cids in foreign(world, world.books).items()},
        )
        await asyncio.sleep(10)


@pytest.mark.slow
def test_everything_acknowledged_ends_at_its_holders_and_nowhere_else() -> None:
    live(lambda world: lived(world, 2_000), miners=5, keep_foreign_s=KEEP_S)


@pytest.mark.chaos
def test_ten_thousand_records() -> None:
    live(lambda world: lived(world, 10_000), miners=5, keep_foreign_s=KEEP_S)

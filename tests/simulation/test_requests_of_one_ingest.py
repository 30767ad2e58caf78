"""All being well, an ingest causes one request to each other holder, and nothing more."""

from __future__ import annotations

import asyncio
from collections import Counter

from tests.simulation.scenarios import holders, live, written
from tests.simulation.world import World
from tests.simulation.writers import Writer

RECORDS = 60
QUIET_S = 1_800.0


def replicas_sent(world: World) -> int:
    return sum(n for (_, _, kind), n in world.network.sent.items() if kind == "/replica")


def test_two_when_the_receiver_is_assigned_and_three_when_not() -> None:
    async def main(world: World) -> None:
        writer, seen = Writer(world, "writer"), Counter[tuple[bool, int]]()
        for number in range(RECORDS):
            receiver = world.miners[number % len(world.miners)]
            before = replicas_sent(world)
            [sent] = await written(writer, receiver, 1)
            seen[receiver in holders(world, sent.cid), replicas_sent(world) - before] += 1
        assert seen.keys() == {(True, 2), (False, 3)}
        before = replicas_sent(world)
        await asyncio.sleep(QUIET_S)
        assert replicas_sent(world) == before

    live(main, miners=5)

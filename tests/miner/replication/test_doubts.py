"""What is missing twice, some time apart, is sent by whoever noticed."""

from __future__ import annotations

import asyncio

from engram.core.ranges import Digests, digests_of
from engram.miner.replication.doubts import FORGOTTEN_AFTER, Doubts
from tests.simulation.clock import SkewedClock
from tests.simulation.loop import simulate

WAIT_S = 30.0
SEAT, OTHER = 7, 8


def some(*numbers: int) -> Digests:
    return digests_of([number.to_bytes(32) for number in numbers])


def doubts() -> Doubts:
    return Doubts(SkewedClock(asyncio.get_running_loop()), WAIT_S)


def test_what_is_missing_again_after_the_wait_is_ripe() -> None:
    async def scenario() -> None:
        found = doubts()
        assert found.ripe(SEAT, some(1, 2, 3)).tolist() == [False] * 3
        await asyncio.sleep(WAIT_S - 1)
        assert found.ripe(SEAT, some(1, 2, 3)).tolist() == [False] * 3
        await asyncio.sleep(1)
        assert found.ripe(SEAT, some(2, 3, 4)).tolist() == [True, True, False]
        assert found.ripe(OTHER, some(2)).tolist() == [False], "each member by itself"

    simulate(scenario())


def test_what_came_in_between_waits_its_own_time() -> None:
    async def scenario() -> None:
        found = doubts()
        found.ripe(SEAT, some(1))
        await asyncio.sleep(WAIT_S)
        found.ripe(SEAT, some(1, 2))
        await asyncio.sleep(WAIT_S - 1)
        assert found.ripe(SEAT, some(1, 2)).tolist() == [True, False]
        await asyncio.sleep(1)
        assert found.ripe(SEAT, some(2)).tolist() == [True]

    simulate(scenario())


def test_what_was_made_good_or_long_ago_is_forgotten() -> None:
    async def scenario() -> None:
        found = doubts()
        found.ripe(SEAT, some(1))
        found.forget(SEAT)
        await asyncio.sleep(WAIT_S)
        assert found.ripe(SEAT, some(1)).tolist() == [False]
        await asyncio.sleep(WAIT_S)
        assert found.ripe(SEAT, some(1)).tolist() == [True]
        await asyncio.sleep(FORGOTTEN_AFTER * WAIT_S + 1)
        assert found.ripe(SEAT, some(1)).tolist() == [False]

    simulate(scenario())

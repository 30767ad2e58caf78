"""Background work waits for searches, though not for ever, and keeps to its rate."""

from __future__ import annotations

import asyncio

import pytest

from engram.miner.replication.courtesy import LOOK_EVERY_S, YIELDS_AT_MOST_S, Courtesy
from tests.simulation.clock import SkewedClock
from tests.simulation.loop import simulate


def test_work_waits_until_searches_are_done() -> None:
    async def scenario() -> None:
        loop, searches = asyncio.get_running_loop(), [3]
        courtesy = Courtesy(SkewedClock(loop), lambda: searches[0], 1e6)
        turn = asyncio.ensure_future(courtesy.turn(1))
        await asyncio.sleep(YIELDS_AT_MOST_S / 2)
        assert not turn.done()
        searches[0] = 0
        await turn
        assert loop.time() <= YIELDS_AT_MOST_S / 2 + LOOK_EVERY_S
        assert courtesy.yielded_s == pytest.approx(YIELDS_AT_MOST_S / 2, abs=2 * LOOK_EVERY_S)

    simulate(scenario())


def test_a_node_that_is_never_idle_works_all_the_same() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        courtesy = Courtesy(SkewedClock(loop), lambda: 1, 1e6)
        await courtesy.turn(1)
        assert loop.time() == pytest.approx(YIELDS_AT_MOST_S, abs=2 * LOOK_EVERY_S)

    simulate(scenario())


def test_bytes_flow_at_the_rate_and_a_pause_saves_up_one_second_at_most() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        courtesy = Courtesy(SkewedClock(loop), lambda: 0, 1_000.0)
        for _ in range(11):
            await courtesy.turn(500)
        assert loop.time() == pytest.approx(5.0)
        await asyncio.sleep(100)
        start = loop.time()
        for _ in range(5):
            await courtesy.turn(500)
        assert loop.time() - start == pytest.approx(1.0)

    simulate(scenario())

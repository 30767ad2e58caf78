"""Who counts as absent, from when, and until when."""

from __future__ import annotations

import asyncio

from engram.dht import Member
from engram.miner.replication.interface import Answer, Failure, Trouble
from engram.miner.replication.reach import Reach
from tests.miner.replication.grid import Grid
from tests.simulation.loop import simulate

AFTER_S = 600.0
SILENT = Failure(Trouble.UNREACHABLE, "nobody is there")


def reach_of(grid: Grid) -> tuple[Reach, list[Member]]:
    node = grid.nodes[0]
    return Reach(node.table, node.clock, AFTER_S), [grid.member(each) for each in grid.nodes]


def test_silence_makes_absent_and_only_verification_undoes_it() -> None:
    async def scenario() -> None:
        reach, [_, one, other] = reach_of(Grid(3))
        returned: list[Member] = []
        reach.on_return = returned.append
        reach.failed(one)
        await asyncio.sleep(AFTER_S - 1)
        reach.failed(one)
        assert reach.absent() == frozenset()
        assert reach.silent_s(one) == AFTER_S - 1
        assert reach.silent_s(other) is None
        await asyncio.sleep(1)
        assert reach.absent() == {one.uid}
        reach.spoke(one)
        assert returned == [one]
        assert reach.silent_s(one) is None
        assert reach.absent() == {one.uid}, "it may have come back with nothing"
        reach.verified(one)
        assert reach.absent() == frozenset()

    simulate(scenario())


def test_an_answer_of_any_kind_ends_the_silence() -> None:
    async def scenario() -> None:
        reach, [_, one, _] = reach_of(Grid(3))
        good_or_bad: list[Answer | Failure] = [
            Answer(b""),
            Failure(Trouble.REFUSED, "no", "throttled"),
            Failure(Trouble.INVALID, "gibberish"),
        ]
        for reply in good_or_bad:
            reach.heard(one, SILENT)
            await asyncio.sleep(AFTER_S - 1)
            reach.heard(one, reply)
            await asyncio.sleep(2)
            assert reach.absent() == frozenset()
        reach.heard(one, Failure(Trouble.SLOW, "no whole reply"))
        await asyncio.sleep(AFTER_S)
        assert reach.absent() == {one.uid}

    simulate(scenario())


def test_who_came_back_before_anybody_looked_was_absent_all_the_same() -> None:
    async def scenario() -> None:
        reach, [_, one, _] = reach_of(Grid(3))
        reach.failed(one)
        await asyncio.sleep(AFTER_S)
        reach.spoke(one)
        assert reach.absent() == {one.uid}

    simulate(scenario())


def test_a_member_that_nobody_spoke_to_is_not_absent() -> None:
    async def scenario() -> None:
        reach, _ = reach_of(Grid(3))
        await asyncio.sleep(10 * AFTER_S)
        assert reach.absent() == frozenset()

    simulate(scenario())


def test_the_node_itself_is_never_absent() -> None:
    async def scenario() -> None:
        reach, [local, _, _] = reach_of(Grid(3))
        reach.failed(local)
        await asyncio.sleep(AFTER_S)
        assert reach.absent() == frozenset()

    simulate(scenario())


def test_who_leaves_and_registers_anew_is_a_stranger() -> None:
    async def scenario() -> None:
        grid = Grid(3)
        reach, [_, one, _] = reach_of(grid)
        reach.failed(one)
        await asyncio.sleep(AFTER_S)
        assert reach.absent() == {one.uid}
        grid.place([grid.nodes[0], grid.nodes[2]])
        assert reach.absent() == frozenset()
        grid.place(grid.nodes)
        assert reach.absent() == frozenset()

    simulate(scenario())

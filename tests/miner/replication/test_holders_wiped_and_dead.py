"""Holders lose their disks, or never come back: the records find their way without a person."""

from __future__ import annotations

import pytest

from tests.miner.replication.grid import ABSENT_S, Grid, Node, grid_of, records
from tests.simulation.loop import simulate

QUARTER_HOUR_S = 900.0
KEEP_S = 7_200.0


def test_two_of_three_holders_return_with_empty_disks() -> None:
    async def scenario() -> None:
        async with grid_of(5) as grid:
            given = records(60)
            cids = [record.cid for record in given]
            grid.give(given)
            for node in grid.holders(cids[0])[1:]:
                await wiped(node)
            lost = 3 * len(cids) - sum(len(node.holds()) for node in grid.nodes)
            await grid.until(lambda: grid.spread(cids), QUARTER_HOUR_S)
            assert grid.messages("/replica") < lost, "copies travel many in a message"

    simulate(scenario())


def test_two_holders_that_stay_dead_are_stood_in_for() -> None:
    async def scenario() -> None:
        async with grid_of(5) as grid:
            given = records(60)
            cids = [record.cid for record in given]
            grid.give(given)
            dead = {node.uid for node in grid.holders(cids[0])[1:]}
            for uid in dead:
                await grid.nodes[uid].stop()
            assert not grid.spread(cids, dead)
            await grid.until(lambda: grid.spread(cids, dead), QUARTER_HOUR_S)

    simulate(scenario())


def test_stand_ins_give_way_once_the_holder_is_back_and_whole() -> None:
    async def scenario() -> None:
        async with grid_of(5, keep_foreign_s=KEEP_S) as grid:
            given = records(60)
            cids = [record.cid for record in given]
            grid.give(given)
            returning = grid.nodes[0]
            await returning.stop()
            returning.disk.wipe()
            await grid.until(lambda: grid.spread(cids, {0}), ABSENT_S + 300)
            returning.start()
            assert is_away(grid, 0), "an answer alone brings nobody back"
            await grid.until(lambda: not is_away(grid, 0), 300)
            assert grid.spread(cids), "it was whole when it counted again"
            await grid.until(lambda: grid.placed_exactly(cids), KEEP_S + 3_600)

    simulate(scenario())


@pytest.mark.parametrize("lost", [1, 17])
def test_a_copy_whose_bytes_are_damaged_is_sent_again(lost: int) -> None:
    async def scenario() -> None:
        async with grid_of(4) as grid:
            given = records(60)
            cids = [record.cid for record in given]
            grid.give(given)
            victim = grid.nodes[2]
            mine = sorted(victim.holds())[:lost]
            for cid in mine:
                victim.disk.damage(cid)
            victim.disk.embeddings(mine)  # the node reads them, and notices
            assert not grid.spread(cids)
            await grid.until(lambda: grid.spread(cids), 120)

    simulate(scenario())


async def wiped(node: Node) -> None:
    await node.stop()
    node.disk.wipe()
    node.start()


def is_away(grid: Grid, uid: int) -> bool:
    """True if somebody else stands in for it."""
    return any(uid in node.part.reach.absent() for node in grid.nodes if node.uid != uid)

"""Holders lose their disks, or never come back: the records find their way without a person."""

from __future__ import annotations

import asyncio

import pytest

from tests.miner.replication.grid import ABSENT_S, COMPARE_S, Grid, Node, grid_of, records
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
            await asyncio.sleep(COMPARE_S)
            one, other, _ = [node for node in grid.nodes if node.uid not in dead]
            assert await one.part.compare.with_peer(grid.member(other)), "both count them absent"

    simulate(scenario())


def test_who_is_back_and_cannot_take_its_share_is_stood_in_for_until_it_can() -> None:
    async def scenario() -> None:
        async with grid_of(5) as grid:
            given = records(60)
            cids = [record.cid for record in given]
            grid.give(given)
            returning = grid.nodes[0]
            await returning.stop()
            returning.disk.wipe()
            await grid.until(lambda: grid.spread(cids, {0}), ABSENT_S + 300)
            returning.disk.full = True
            returning.start()
            for _ in range(20):
                await asyncio.sleep(COMPARE_S / 2)
                assert all(0 in node.part.reach.absent() for node in grid.nodes[1:])
            returning.disk.full = False
            await grid.until(lambda: not is_away(grid, 0), 300)
            assert grid.spread(cids)

    simulate(scenario())


def test_who_lacks_only_what_others_refuse_is_whole() -> None:
    async def scenario() -> None:
        async with grid_of(3) as grid:
            given = records(20)
            grid.give(given)
            refused = sorted(record.cid for record in given)[:5]
            returning = grid.nodes[0]
            await returning.stop()
            returning.disk.forget(refused)
            for node in grid.nodes[1:]:
                for cid in refused:
                    node.disk.delete(cid)
            await grid.until(lambda: is_away(grid, 0), ABSENT_S + 300)
            returning.start()
            await grid.until(lambda: not is_away(grid, 0), COMPARE_S)

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

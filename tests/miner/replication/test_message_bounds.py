"""However long a trouble lasts, it costs a bounded number of messages."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest

from engram.errors import StorageFull
from tests.miner.replication.grid import COMPARE_S, Grid, grid_of, records
from tests.simulation.loop import simulate

MOST_A_MINUTE = 20  # from one miner to another
MINUTES = 40


def wipe_two(grid: Grid) -> int:
    """How many copies are missing then."""
    missing = sum(len(node.holds()) for node in grid.nodes[:2])
    for node in grid.nodes[:2]:
        node.disk.wipe()
    return missing


def fill_disk(grid: Grid) -> int:
    """A member whose disk is full lacks what it is to hold, and takes nothing."""
    full = grid.nodes[0]
    missing = len(full.holds())
    full.disk.wipe()
    full.disk.full = True
    return missing


def cut_off(grid: Grid) -> int:
    grid.unreachable.add(0)
    return len(grid.nodes[0].holds())


def delete_everywhere(grid: Grid) -> int:
    """All holders of some records refuse them."""
    for cid in sorted(grid.nodes[0].holds())[:10]:
        for node in grid.holders(cid):
            node.disk.delete(cid)
    return 0


def lose_a_third(grid: Grid) -> int:
    lost = 0
    for number, node in enumerate(grid.nodes):
        gone = sorted(node.holds())[number::3]
        lost += node.disk.forget(gone)
    return lost


@pytest.mark.parametrize("trouble", [wipe_two, fill_disk, cut_off, delete_everywhere, lose_a_third])
def test_a_trouble_costs_few_messages(trouble: Callable[[Grid], int]) -> None:
    async def scenario() -> None:
        async with grid_of(5) as grid:
            given = records(200)
            grid.give(given)
            await asyncio.sleep(2 * COMPARE_S)
            grid.sent.clear()
            missing = trouble(grid)
            for _ in range(MINUTES):
                before = pairs(grid)
                await asyncio.sleep(60)
                most = max((pairs(grid) - before).values(), default=0)
                assert most <= MOST_A_MINUTE + 3 * missing
                missing = 0  # what was missing is paid for in the first minute

    simulate(scenario())


def pairs(grid: Grid) -> Counter[tuple[int, int]]:
    """Messages so far, by sender and receiver."""
    found: Counter[tuple[int, int]] = Counter()
    for (sender, receiver, _), count in grid.sent.items():
        found[sender, receiver] += count
    return found


def test_a_full_disk_is_told_as_such() -> None:
    """The trouble above is the real one."""

    async def scenario() -> None:
        async with grid_of(2) as grid:
            grid.nodes[0].disk.full = True
            with pytest.raises(StorageFull):
                await grid.nodes[0].part.shelf.put(records(1))

    simulate(scenario())

"""A member takes requests and never answers: nobody waits longer than the deadline."""

from __future__ import annotations

import asyncio

from engram.miner.replication.deliver import TIMEOUT_S
from engram.miner.replication.spread import Placed
from tests.miner.replication.desk import Desk, at_desk, records


@at_desk
async def test_an_ingest_waits_for_the_deadline_and_counts_the_others() -> None:
    desk = Desk(3, replicate_deadline_s=1.5)
    desk.peer(2).delay_s = 1e6
    loop = asyncio.get_running_loop()
    for record in records(5):
        began = loop.time()
        [placed] = await desk.put([record])
        assert isinstance(placed, Placed)
        assert placed.replicas.acknowledged == 2
        assert loop.time() - began < 1.6
    assert desk.sizes(2) == [1]
    assert desk.sizes(1) == [1] * 5


@at_desk
async def test_later_ones_do_not_wait_for_it_at_all() -> None:
    desk = Desk(3)
    desk.peer(2).delay_s = 1e6
    early, late = records(2)
    await desk.put([early])
    await asyncio.sleep(TIMEOUT_S)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await desk.put([late])
    assert loop.time() - began < 0.1


@at_desk
async def test_it_gets_everything_once_it_thaws() -> None:
    desk = Desk(3)
    desk.peer(2).delay_s = 1e6
    written = records(300)
    for start in range(0, 300, 50):
        await desk.put(written[start : start + 50])
    await desk.watch(30)
    desk.peer(2).delay_s = 0.01
    await desk.watch(200)
    assert desk.peer(2).held == {record.cid for record in written}
    assert desk.disk.waiting() == {}

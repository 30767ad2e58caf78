"""A member will not have a record, or says so falsely."""

from __future__ import annotations

import asyncio

from engram.miner.replication.spread import Placed
from tests.miner.replication.desk import Desk, at_desk, records


@at_desk
async def test_one_that_deleted_it_is_not_asked_again() -> None:
    desk = Desk(3)
    refused, other = records(2)
    desk.peer(1).says = {refused.cid: "refused_here"}
    loop = asyncio.get_running_loop()
    began = loop.time()
    outcomes = await desk.put([refused, other])
    told = [each.replicas.acknowledged for each in outcomes if isinstance(each, Placed)]
    assert told == [2, 3]
    assert loop.time() - began < 0.1
    await desk.watch(60)
    assert desk.sizes(1) == [2]
    assert desk.disk.waiting() == {}
    assert desk.replication.tally.refused == 1


@at_desk
async def test_bytes_that_are_not_the_cid_s_are_not_sent_for_ever() -> None:
    desk = Desk(3)
    bad, good = records(2)
    desk.peer(1).says = {bad.cid: "invalid_cid"}
    await desk.put([bad, good])
    await desk.watch(60)
    assert desk.sizes(1) == [2]
    assert desk.disk.waiting() == {}
    assert desk.replication.tally.rejected == 1


@at_desk
async def test_a_receipt_that_another_signed_counts_for_nothing() -> None:
    desk = Desk(3)
    desk.peer(1).forges = True
    [placed] = await desk.put(records(1))
    assert isinstance(placed, Placed)
    assert placed.replicas.acknowledged == 2
    assert {each.hotkey for each in placed.replicas.receipts} == {
        desk.keys[0].hotkey,
        desk.keys[2].hotkey,
    }
    assert desk.replication.tally.forged == 1

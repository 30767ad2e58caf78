"""A member goes by another placement block than this node, or members come and go."""

from __future__ import annotations

import asyncio

from engram.miner.replication.spread import Placed
from tests.miner.replication.desk import EVERY, Desk, at_desk, queued, records


def placements(desk: Desk, uid: int) -> list[int | None]:
    return [sent.placement for sent in desk.requests(uid)]


@at_desk
async def test_the_last_one_serves_where_the_member_is_behind() -> None:
    desk = Desk(3)
    before = desk.block
    desk.place(range(3))
    desk.peer(1).knows = (before, before - EVERY)
    [placed] = await desk.put(records(1))
    assert isinstance(placed, Placed)
    assert placed.replicas.acknowledged == 3
    assert placements(desk, 1) == [before + EVERY, before]


@at_desk
async def test_nothing_in_common_waits_until_a_table_moves() -> None:
    desk = Desk(3)
    desk.peer(1).knows = (desk.block + 5 * EVERY,)
    [placed] = await desk.put(records(1))
    assert isinstance(placed, Placed)
    assert placed.replicas.acknowledged == 2
    await desk.watch(20)
    assert desk.disk.waiting() == {desk.member(1).seat: 1}
    for _ in range(5):
        desk.place(range(3))
    await desk.watch(60)
    assert desk.disk.waiting() == {}


@at_desk
async def test_what_it_says_is_not_its_own_is_asked_again_while_we_say_it_is() -> None:
    desk = Desk(3)
    [record] = records(1)
    desk.peer(1).says = {record.cid: "not_assigned"}
    await desk.put([record])
    await desk.watch(600)
    assert desk.disk.waiting() == {desk.member(1).seat: 1}
    assert len(desk.sizes(1)) < 40
    desk.peer(1).says = {}
    await desk.watch(120)
    assert record.cid in desk.peer(1).held


@at_desk
async def test_what_is_not_its_own_any_more_is_dropped() -> None:
    desk = Desk(8)
    waiting = records(60)
    queued(desk.disk, waiting, [desk.member(1).seat])
    await desk.watch(30)
    holders = desk.replication.holders
    its_own = {r.cid for r in waiting if desk.member(1) in holders.of(r.cid)}
    assert desk.peer(1).held == its_own
    assert 0 < len(its_own) < 60
    assert desk.disk.waiting() == {}
    assert desk.replication.tally.not_due == 60 - len(its_own)


@at_desk
async def test_what_waits_for_one_that_left_goes_to_the_holders_of_now() -> None:
    desk = Desk(4)
    await desk.watch(1)
    desk.peer(3).down()
    written = [r for r in records(40) if desk.member(3) in desk.replication.holders.of(r.cid)]
    await desk.put(written)
    await asyncio.sleep(0.1)
    gone = desk.member(3).seat
    assert desk.disk.waiting() == {gone: len(written)}
    desk.place(range(3))
    await desk.watch(30)
    assert desk.disk.waiting() == {}
    for uid in (1, 2):
        assert desk.peer(uid).held == {record.cid for record in written}


@at_desk
async def test_a_node_that_is_no_member_keeps_what_waits_and_sends_it_as_one() -> None:
    desk = Desk(4)
    desk.place([1, 2, 3])
    written = records(10)
    outcomes = await desk.put(written)
    assert [
        (each.replicas.required, each.replicas.acknowledged)
        for each in outcomes
        if isinstance(each, Placed)
    ] == [(3, 0)] * 10
    await desk.watch(60)
    assert desk.peers.sent == []
    assert sum(desk.disk.waiting().values()) == 30
    desk.place(range(4))
    await desk.watch(30)
    assert desk.disk.waiting() == {}
    for record in written:
        others = set(desk.replication.holders.of(record.cid)) - {desk.member(0)}
        assert all(record.cid in desk.peer(member.uid).held for member in others)


@at_desk
async def test_alone_on_a_chain_costs_no_request() -> None:
    desk = Desk(1)
    [placed] = await desk.put(records(1))
    assert isinstance(placed, Placed)
    assert (placed.replicas.required, placed.replicas.acknowledged) == (1, 1)
    assert [receipt.hotkey for receipt in placed.replicas.receipts] == [desk.keys[0].hotkey]
    assert desk.peers.sent == []

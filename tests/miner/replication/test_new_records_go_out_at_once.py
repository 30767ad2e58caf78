"""What was just ingested is sent at once; what arrives meanwhile shares the next request."""

from __future__ import annotations

import asyncio

from engram.miner.replication.spread import Placed
from engram.protocol import MAX_BODY_BYTES, MAX_REPLICAS
from tests.miner.replication.desk import Desk, at_desk, records


def acknowledged(outcomes: list[Placed | Exception]) -> list[int]:
    return [each.replicas.acknowledged for each in outcomes if isinstance(each, Placed)]


@at_desk
async def test_one_ingest_costs_one_request_for_each_other_holder() -> None:
    """Issue 5, what must hold, 3: two when the receiver is assigned."""
    desk = Desk(3)
    for record in records(20):
        outcomes = await desk.put([record])
        assert acknowledged(outcomes) == [3]
    await desk.watch(120)
    assert desk.sizes(1) == desk.sizes(2) == [1] * 20
    assert {sent.path for sent in desk.peers.sent} == {"/replica"}
    assert desk.disk.waiting() == {}


@at_desk
async def test_one_that_is_not_assigned_here_costs_three() -> None:
    desk = Desk(8)
    sent_for: list[tuple[bool, int]] = []
    for record in records(40):
        before = len(desk.peers.sent)
        assert acknowledged(await desk.put([record])) == [3]
        here = desk.member(0) in desk.replication.holders.of(record.cid)
        sent_for.append((here, len(desk.peers.sent) - before))
    assert set(sent_for) == {(True, 2), (False, 3)}
    await desk.watch(120)
    assert len(desk.peers.sent) == sum(count for _, count in sent_for)


@at_desk
async def test_what_arrives_while_a_request_is_on_its_way_goes_with_the_next() -> None:
    desk = Desk(3)
    desk.peer(1).delay_s = desk.peer(2).delay_s = 0.5
    first, *others = records(MAX_REPLICAS * 2 + 50)
    early = asyncio.create_task(desk.put([first]))
    await asyncio.sleep(0.1)
    assert desk.sizes(1) == [1]
    late = [asyncio.create_task(desk.put([record])) for record in others]
    assert acknowledged(await early) == [3]
    done = await asyncio.gather(*late)
    assert desk.sizes(1) == desk.sizes(2) == [1, MAX_REPLICAS, MAX_REPLICAS, 49]
    assert {acknowledged(each)[0] for each in done} == {3}


@at_desk
async def test_a_batch_is_one_request_and_one_wait() -> None:
    desk = Desk(3)
    loop = asyncio.get_running_loop()
    desk.peer(1).delay_s = desk.peer(2).delay_s = 0.5
    before = loop.time()
    assert acknowledged(await desk.put(records(200))) == [3] * 200
    assert desk.sizes(1) == desk.sizes(2) == [200]
    assert loop.time() - before < 0.6


@at_desk
async def test_large_records_do_not_make_a_body_too_large() -> None:
    desk = Desk(3, replicate_deadline_s=30)
    large = records(300, seed=2, filling=60_000)
    assert acknowledged(await desk.put(large)) == [3] * 300
    assert sum(desk.sizes(1)) == 300
    assert max(sent.body_bytes for sent in desk.requests(1)) <= MAX_BODY_BYTES


@at_desk
async def test_the_same_record_again_is_acknowledged_again() -> None:
    desk = Desk(3)
    [record] = records(1)
    await desk.put([record])
    [again] = await desk.put([record])
    assert isinstance(again, Placed)
    assert again.stored.duplicate
    assert again.replicas.acknowledged == 3
    await desk.watch(5)
    assert desk.disk.waiting() == {}


@at_desk
async def test_one_cid_twice_in_a_batch_is_told_twice() -> None:
    desk = Desk(3)
    [record] = records(1)
    assert acknowledged(await desk.put([record, record])) == [3, 3]


@at_desk
async def test_a_record_that_the_operator_deleted_goes_nowhere() -> None:
    desk = Desk(3)
    deleted, other = records(2)
    desk.disk.delete(deleted.cid)
    refused, placed = await desk.put([deleted, other])
    assert type(refused).__name__ == "RefusedHere"
    assert acknowledged([placed]) == [3]
    assert deleted.cid not in desk.peer(1).held


@at_desk
async def test_a_caller_that_goes_away_while_waiting_loses_nothing() -> None:
    desk = Desk(3)
    desk.peer(1).delay_s = 1
    [record] = records(1)
    for moment in (0.001, 0.1):
        caller = asyncio.create_task(desk.put([record]))
        await asyncio.sleep(moment)
        caller.cancel()
        await asyncio.wait({caller})
    await desk.watch(10)
    assert record.cid in desk.peer(1).held & desk.peer(2).held
    assert desk.disk.waiting() == {}
    assert not desk.replication.acknowledgements._vigils

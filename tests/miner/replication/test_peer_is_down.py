"""A member does not answer: ingests go on, and it gets everything once it is back."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from engram.errors import Overloaded, TooFewReplicas
from engram.miner.replication.backoff import LONGEST_S, SPREAD
from engram.miner.replication.spread import Placed
from tests.miner.replication.desk import Desk, at_desk, records


@at_desk
async def test_it_is_tried_ever_less_often() -> None:
    desk = Desk(3)
    desk.peer(2).down()
    await desk.put(records(10))
    await desk.watch(3600)
    times = [sent.at for sent in desk.peers.sent if sent.uid == 2]
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert max(waits) <= LONGEST_S * (1 + SPREAD) + 1
    assert waits[-1] > 10 * waits[0]
    in_a_minute = max(sum(start <= at < start + 60 for at in times) for start in times)
    assert in_a_minute <= 20  # issue 5, what must hold, 3
    assert len(times) < 120


@at_desk
async def test_an_ingest_does_not_wait_for_who_was_silent_a_moment_ago() -> None:
    desk = Desk(3)
    desk.peer(2).down()
    first, second = records(2)
    loop = asyncio.get_running_loop()
    for record in (first, second):
        began = loop.time()
        [placed] = await desk.put([record])
        assert isinstance(placed, Placed)
        assert (placed.replicas.required, placed.replicas.acknowledged) == (3, 2)
        assert loop.time() - began < 0.1


@at_desk
async def test_it_is_not_tried_for_each_ingest() -> None:
    desk = Desk(3)
    desk.peer(2).down()
    for record in records(100):
        await desk.put([record])
        await asyncio.sleep(0.1)
    assert sum(sent.uid == 2 for sent in desk.peers.sent) <= 6


@at_desk
async def test_it_gets_all_of_it_when_it_is_back() -> None:
    desk = Desk(3)
    desk.peer(2).down()
    written = records(700)
    await desk.put(written)
    await asyncio.sleep(0.1)
    assert desk.disk.waiting() == {desk.member(2).seat: 700}
    await desk.watch(300)
    desk.peer(2).up()
    await desk.watch(2 * LONGEST_S)
    assert desk.peer(2).held == {record.cid for record in written}
    assert desk.disk.waiting() == {}
    assert desk.sizes(2)[-3:] == [256, 256, 188]
    assert len(desk.sizes(2)) == 4  # the first was the attempt that failed


@at_desk
async def test_a_sign_of_life_ends_the_waiting() -> None:
    desk = Desk(3)
    desk.peer(2).down()
    [record] = records(1)
    await desk.put([record])
    await desk.watch(300)
    desk.peer(2).up()
    desk.replication.reach.spoke(desk.member(2))  # it asked us something, for one
    await asyncio.sleep(0.1)
    assert record.cid in desk.peer(2).held


@at_desk
async def test_what_it_got_though_the_reply_was_lost_is_not_sent_again() -> None:
    desk = Desk(3)
    [record] = records(1)
    desk.peer(2).down()
    desk.peer(2).held.add(record.cid)
    await desk.put([record])
    desk.peer(2).up()
    await desk.watch(10)
    assert desk.disk.waiting() == {}
    assert len(desk.sizes(2)) == 1
    assert desk.replication.tally.found_there == 1


@at_desk
async def test_too_few_acknowledgements_are_an_error_and_nothing_is_lost() -> None:
    desk = Desk(3)
    desk.peer(2).down()
    [record] = records(1)
    loop = asyncio.get_running_loop()
    began = loop.time()
    [error] = await desk.put([record], minimum=3)
    assert isinstance(error, TooFewReplicas)
    assert error.details["cid"] == record.cid
    assert error.details["replicas"]["acknowledged"] == 2
    assert loop.time() - began == pytest.approx(2, abs=0.1)  # it might have come back
    desk.peer(2).up()
    await desk.watch(10)
    assert record.cid in desk.peer(2).held
    [placed] = await desk.put([record], minimum=3)
    assert isinstance(placed, Placed)


@at_desk
async def test_whoever_asked_for_what_is_reached_does_not_wait() -> None:
    desk = Desk(3)
    desk.peer(2).down()
    loop = asyncio.get_running_loop()
    began = loop.time()
    [placed] = await desk.put(records(1), minimum=2)
    assert isinstance(placed, Placed)
    assert loop.time() - began < 0.1


@at_desk
async def test_it_may_be_back_within_the_deadline() -> None:
    desk = Desk(3)
    desk.peer(2).down()
    asyncio.get_running_loop().call_later(0.2, desk.peer(2).up)
    [placed] = await desk.put(records(1), minimum=3)
    assert isinstance(placed, Placed)
    assert placed.replicas.acknowledged == 3


@at_desk
async def test_a_full_outbox_refuses_ingests_before_they_are_stored() -> None:
    desk = Desk(3, outbox_limit=10)
    desk.peer(2).down()
    await desk.put(records(10))
    await desk.watch(2)
    [late] = records(1, seed=9)
    with pytest.raises(Overloaded) as refused:
        await desk.put([late])
    assert refused.value.retry_after is not None
    assert late.cid not in desk.disk.records
    desk.peer(2).up()
    await desk.watch(60)
    assert isinstance((await desk.put([late]))[0], Placed)

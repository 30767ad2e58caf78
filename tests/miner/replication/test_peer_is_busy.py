"""A member asks to be left alone, or has no room: it is, and nothing is taken off its list."""

from __future__ import annotations

from engram.miner.replication.interface import Failure, Trouble
from engram.miner.replication.spread import Placed
from tests.miner.replication.desk import Desk, at_desk, records


@at_desk
async def test_it_is_left_alone_for_as_long_as_it_asks() -> None:
    desk = Desk(3)
    desk.peer(2).failure = Failure(Trouble.REFUSED, "Too many.", "throttled", retry_after=100)
    await desk.put(records(5))
    await desk.watch(99)
    assert [sent.path for sent in desk.peers.sent if sent.uid == 2] == ["/replica"]
    desk.peer(2).up()
    await desk.watch(10)
    assert len(desk.peer(2).held) == 5


@at_desk
async def test_a_sign_of_life_does_not_shorten_that() -> None:
    desk = Desk(3)
    desk.peer(2).failure = Failure(Trouble.REFUSED, "Too many.", "throttled", retry_after=100)
    await desk.put(records(5))
    desk.replication.outbox.wake(desk.member(2).seat)
    await desk.watch(50)
    assert sum(sent.uid == 2 for sent in desk.peers.sent) == 1


@at_desk
async def test_one_without_room_is_not_sent_the_rest_of_a_long_list() -> None:
    desk = Desk(3)
    written = records(1000)
    desk.peer(2).down()
    await desk.put(written)
    desk.peer(2).up()
    desk.peer(2).says = dict.fromkeys((record.cid for record in written), "storage_full")
    await desk.watch(3600)
    bytes_sent = sum(sent.body_bytes for sent in desk.requests(2))
    one_load = desk.requests(2)[-1].body_bytes
    assert bytes_sent < 120 * one_load  # twice a minute, and not all four of them
    assert desk.disk.waiting() == {desk.member(2).seat: 1000}
    desk.peer(2).says = {}
    await desk.watch(200)
    assert len(desk.peer(2).held) == 1000


@at_desk
async def test_our_own_disk_being_busy_is_not_the_end() -> None:
    desk = Desk(3)
    desk.peer(2).down()
    await desk.put(records(3))
    desk.peer(2).up()
    desk.shelf.full_queue = True
    await desk.watch(30)
    desk.shelf.full_queue = False
    await desk.watch(120)
    assert len(desk.peer(2).held) == 3


@at_desk
async def test_a_mistake_of_ours_in_one_delivery_is_not_the_end() -> None:
    desk = Desk(3)
    genuine = desk.replication.carrier.bring

    async def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    desk.replication.carrier.bring = broken  # type: ignore[assignment,method-assign]
    [placed] = await desk.put(records(1))
    assert isinstance(placed, Placed)
    assert placed.replicas.acknowledged == 1
    desk.replication.carrier.bring = genuine  # type: ignore[method-assign]
    await desk.watch(60)
    assert desk.disk.waiting() == {}
    assert len(desk.peer(1).held) == len(desk.peer(2).held) == 1

"""What waited on disk when the process ended is delivered by the next one."""

from __future__ import annotations

from tests.miner.replication.desk import Desk, at_desk, queued, records
from tests.simulation.disk import Disk


@at_desk
async def test_all_of_it_is_asked_about_and_what_lacks_is_sent() -> None:
    disk = Disk()
    desk = Desk(3, disk=disk)
    written = records(2_500)
    queued(disk, written, [desk.member(1).seat, desk.member(2).seat])
    desk.peer(1).held = {record.cid for record in written[:2_400]}
    await desk.watch(60)
    everything = {record.cid for record in written}
    assert desk.peer(1).held == desk.peer(2).held == everything
    assert disk.waiting() == {}
    assert len(desk.requests(1, "/has")) == len(desk.requests(2, "/has")) == 3
    assert sum(desk.sizes(1)) == 100
    assert sum(desk.sizes(2)) == 2_500
    assert len(desk.sizes(2)) == 4 + 4 + 2


@at_desk
async def test_stopping_in_the_middle_loses_nothing() -> None:
    disk = Disk()
    first = Desk(3, disk=disk)
    written = records(2_000)
    queued(disk, written, [first.member(1).seat])
    first.peer(1).delay_s = 1
    await first.watch(4)
    await first.replication.stop()
    sent = sum(first.sizes(1))
    assert 0 < sent < 2_000
    second = Desk(3, disk=disk)
    second.peer(1).held = first.peer(1).held
    await second.watch(60)
    assert second.peer(1).held == {record.cid for record in written}
    assert disk.waiting() == {}


@at_desk
async def test_a_record_that_went_away_meanwhile_holds_up_nobody() -> None:
    disk = Disk()
    desk = Desk(3, disk=disk)
    gone, deleted, damaged, good = records(4)
    queued(disk, [gone, deleted, damaged, good], [desk.member(1).seat])
    disk.forget([gone.cid])
    disk.delete(deleted.cid)
    disk.damage(damaged.cid)
    await desk.watch(30)
    assert desk.peer(1).held == {good.cid}
    assert disk.waiting() == {}


@at_desk
async def test_what_a_comparison_queued_for_sure_is_not_asked_about() -> None:
    desk = Desk(3)
    written = records(10)
    await desk.shelf.put(written)
    seat = desk.member(1).seat
    pairs = [(seat, record.cid) for record in written]
    assert await desk.replication.outbox.queue(pairs, ask_first=False) == 10
    await desk.watch(5)
    assert desk.requests(1, "/has") == []
    assert desk.sizes(1) == [10]
    assert await desk.replication.outbox.queue(pairs, ask_first=True) == 10
    await desk.watch(5)
    assert len(desk.requests(1, "/has")) == 1
    assert desk.sizes(1) == [10]

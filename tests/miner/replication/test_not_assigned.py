"""Copies that placement does not name the node for are refused, so that nobody's disk is filled."""

from __future__ import annotations

from pathlib import Path

from engram.dht import Membership
from engram.miner.replication.frame import Copy
from tests.miner.network import Miner, Network
from tests.miner.replication.sender import among, changed, copy, fates, member_of


def rank_of(miner: Miner, cid: str) -> int:
    """Where the miner stands in the record's order."""
    current = miner.table.current
    assert isinstance(current, Membership)
    return [member.hotkey for member in current.order(cid)].index(miner.hotkey)


def someone_at(net: Network, rank: int) -> tuple[Miner, Copy]:
    """A miner, and a record in whose order it stands at that place. Not every miner can."""
    for number in range(1_000):
        drawn = copy(f"a text {number}", n=number)
        for miner in net.miners[1:]:
            if rank_of(miner, drawn.cid) == rank:
                return miner, drawn
    raise AssertionError(f"nobody ever stands at {rank}")


def in_front(miner: Miner, cid: str) -> list[int]:
    """UIDs of those that stand before the miner."""
    current = miner.table.current
    assert current is not None
    return [member.uid for member in current.order(cid)[: rank_of(miner, cid)]]


async def test_the_three_nearest_take_it_and_the_others_do_not(tmp_path: Path) -> None:
    async with among(tmp_path, 5) as (sender, _):
        for rank in range(5):
            miner, sent = someone_at(sender.net, rank)
            expected = "stored" if rank < 3 else "not_assigned"
            assert fates(await sender.send(miner, [sent])) == [expected]
            assert (miner.store.get(sent.cid) is not None) == (rank < 3)


async def test_each_record_of_a_frame_is_judged_by_itself(tmp_path: Path) -> None:
    async with among(tmp_path, 5) as (sender, _):
        miner, far = someone_at(sender.net, 3)
        records = (copy(f"near {number}") for number in range(1_000))
        near = next(each for each in records if rank_of(miner, each.cid) < 3)
        assert fates(await sender.send(miner, [far, near])) == ["not_assigned", "stored"]


async def test_the_next_stand_in_for_those_that_are_absent(tmp_path: Path) -> None:
    async with among(tmp_path, 5) as (sender, _):
        miner, fourth = someone_at(sender.net, 3)
        for one in in_front(miner, fourth.cid):
            reply = await sender.send(miner, [fourth], absent={one})
            assert fates(reply) in (["stored"], ["duplicate"])
        miner, fifth = someone_at(sender.net, 4)
        front = in_front(miner, fifth.cid)
        assert fates(await sender.send(miner, [fifth], absent=front[:1])) == ["not_assigned"]
        assert fates(await sender.send(miner, [fifth], absent=front[:2])) == ["stored"]


async def test_absent_members_that_stand_behind_change_nothing(tmp_path: Path) -> None:
    async with among(tmp_path, 5) as (sender, _):
        miner, fourth = someone_at(sender.net, 3)
        front = {*in_front(miner, fourth.cid), member_of(miner).uid}
        behind = {0, 1, 2, 3, 4} - front
        assert fates(await sender.send(miner, [fourth], absent=behind)) == ["not_assigned"]


async def test_a_lie_is_named_a_lie_even_so(tmp_path: Path) -> None:
    async with among(tmp_path, 5) as (sender, _):
        miner, far = someone_at(sender.net, 4)
        assert fates(await sender.send(miner, [changed(far)])) == ["invalid_cid"]

"""Who is to hold what is settled anew when members change; who is new owes nothing yet."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engram.chain.interface import Axon
from engram.validator import settling
from engram.validator.state import holder_sets, replicas
from tests.validator.users import stored
from tests.validator.world import World, axon_of

NewWorld = Callable[..., World]


def change_axon(world: World, uid: int, axon: Axon | None) -> None:
    world.chain.change(uid, axon=axon)


async def without_the_last(new_world: NewWorld, miners: int, **changes: object) -> World:
    """A placed world whose last miner is no member yet."""
    world = new_world(miners, **changes)
    change_axon(world, miners - 1, None)
    await world.placed()
    return world


async def joined(world: World) -> None:
    """The last miner is a member."""
    change_axon(world, len(world.miners) - 1, axon_of(len(world.miners) - 1))
    await world.blocks(25)
    await world.blocks(10)


async def test_who_joins_owes_nothing_until_it_signed_or_was_offered(new_world: NewWorld) -> None:
    world = await without_the_last(new_world, 4)
    newcomer = world.miners[-1]
    newcomer.signs = False
    await joined(world)
    assert world.score(3)["known"] == 0
    assert sum(len(ids & {4}) for ids in world.parts.roster.assignments().records.values()) > 0
    await world.handed()
    assert world.score(3)["known"] == 0  # offered, and not one placement block ago
    await world.blocks(10)
    assert world.score(3)["known"] > 0
    await world.judged(5)
    assert world.score(3)["recall"] == 1


async def test_a_receipt_of_an_earlier_term_does_not_oblige(new_world: NewWorld) -> None:
    """Placement named it, it signed, others took its place, it forgot; now it is named again."""
    world = await without_the_last(new_world, 4)
    cids = stored(world, 40)
    await world.parts.survey.turn()
    await joined(world)
    await world.parts.settling.turn()
    displaced = {cid: [m for m in world.miners[:3] if m not in world.holders(cid)] for cid in cids}
    moved = [cid for cid, gone in displaced.items() if gone]
    assert moved
    for cid in moved:
        for miner in displaced[cid]:
            miner.records.pop(cid, None)
    change_axon(world, 3, None)
    await world.blocks(25)
    await world.blocks(10)
    await world.parts.settling.turn()
    await world.judged(6)
    assert all(s["recall"] == 1 and s["proof_rate"] == 1 for s in world.scores())


async def test_who_left_confirms_nothing_from_then_on(new_world: NewWorld) -> None:
    world = new_world(4)
    await world.placed()
    cids = stored(world, 40)
    await world.parts.survey.turn()
    change_axon(world, 3, None)
    await world.blocks(25)
    await world.blocks(10)
    for cid in cids:  # before anything was settled anew
        told = world.told(cid)
        assert 3 not in told["confirmed"]
    await world.parts.settling.turn()
    with world.parts.state.read() as connection:
        assert all(4 not in group.named | group.holders for group in holder_sets.groups(connection))


async def test_a_stand_in_counts_until_the_member_is_back(new_world: NewWorld) -> None:
    world = new_world(4, audit_sample=64)
    await world.placed()
    [cid] = stored(world, 1)
    await world.parts.survey.turn()
    silent = world.holders(cid)[1]
    [spare] = [miner for miner in world.miners if miner not in world.holders(cid)]
    copy = silent.records[cid]
    silent.dead = True
    await world.live(1_000)
    assert world.told(cid)["detail"] == "DEGRADED: 2 of 3"
    assert set(world.told(cid)["missing"]) == {silent.uid, spare.uid}
    spare.records[cid] = copy  # miners do this among themselves
    await world.parts.survey.turn()
    assert world.told(cid)["detail"] == "HEALTHY: 3 of 3"
    assert spare.uid in world.told(cid)["confirmed"]
    silent.dead = False
    silent.records.pop(cid)
    await world.live(700)
    told = world.told(cid)
    assert spare.uid not in told["confirmed"]
    assert told["missing"] == [silent.uid]
    assert told["detail"] == "DEGRADED: 2 of 3"


async def test_a_stand_in_is_not_scored(new_world: NewWorld) -> None:
    """It has none of what it stands in for, and signs for pages: no part of its score suffers."""
    world = new_world(4, audit_sample=64)
    await world.placed()
    cids = stored(world, 40)
    await world.parts.survey.turn()
    world.miners[0].dead = True
    await world.live(1_500)
    await world.judged(5)
    assert any(world.told(cid)["missing"] for cid in cids)
    honest = [score for score in world.scores() if score["uid"] != 0]
    assert all(score["recall"] == 1 and score["proof_rate"] == 1 for score in honest)


async def test_a_change_goes_in_portions_and_goes_on_after_a_crash(
    new_world: NewWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "PORTION", 10)
    world = new_world(5)
    await world.placed()
    stored(world, 95)
    await world.parts.survey.turn()
    change_axon(world, 4, None)
    await world.blocks(25)
    await world.blocks(10)
    sizes = [world.parts.settling.portion() for _ in range(4)]
    assert sizes == [10] * 4
    world.restart()
    await world.parts.follower.turn()
    while size := world.parts.settling.portion():
        sizes.append(size)
    with world.parts.state.read() as connection:
        (records,) = connection.execute("SELECT count(*) FROM records").fetchone()
        assert sum(sizes) == records
        found = connection.execute("SELECT cid, holder_set FROM records").fetchall()
        groups = {group.id: group for group in holder_sets.groups(connection)}
    named = world.parts.roster.named([row["cid"] for row in found], ())
    assert [groups[row["holder_set"]].named for row in found] == named


async def test_a_flag_takes_out_a_silent_member_without_a_row_being_written(
    new_world: NewWorld,
) -> None:
    world = new_world(4)
    await world.placed()
    stored(world, 200)
    await world.parts.survey.turn()
    with world.parts.state.write() as tx:
        before = tx.total_changes
        tx.execute("UPDATE miners SET suspended = 1 WHERE id = 2")
        counted = replicas.counting(tx, world.parts.roster.present)
        found = replicas.totals(tx, counted, own=False)
        assert tx.total_changes - before == 1
    assert found.degraded > 100
    assert found.degraded + found.healthy == 200

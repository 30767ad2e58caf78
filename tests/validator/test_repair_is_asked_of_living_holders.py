"""What failed a check, or stays DEGRADED, is handed to a living holder by signed requests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engram.chain.signatures import public_key_of, verify
from engram.net.signed import Seal, claim_of
from engram.validator import mending
from engram.validator.verdict import Failure, Verdict
from tests.validator.users import stored
from tests.validator.world import World

NewWorld = Callable[..., World]
BUSY = Failure(Verdict.REFUSED, "It answered 503.", code="unavailable")


def asked(world: World) -> list[str]:
    return [cid for miner in world.miners for cid in miner.repairs]


async def short_by_one(world: World, records: int = 1) -> list[str]:
    """Users' records, each of which one holder has dropped; the survey has seen it."""
    await world.placed()
    cids = stored(world, records)
    await world.parts.survey.turn()
    for cid in cids:
        world.lose(cid, among=1)
    await world.challenged(8)
    return cids


async def test_a_failed_check_is_handed_on_at_once(new_world: NewWorld) -> None:
    world = new_world(4)
    [cid] = await short_by_one(world)
    await world.parts.mending.turn()
    assert asked(world) == [cid]
    [asker] = [miner for miner in world.miners if miner.repairs]
    assert cid in asker.records
    assert world.told(cid)["repair_asked_at"] == world.clock.now()


async def test_what_stays_degraded_is_asked_about_again_after_its_time(
    new_world: NewWorld,
) -> None:
    world = new_world(4)
    [cid] = await short_by_one(world)
    for _ in range(3):
        await world.parts.mending.turn()
    assert len(asked(world)) == 1
    world.clock.seconds += world.settings.repair_after_s
    await world.parts.mending.turn()
    assert asked(world) == [cid, cid]


async def test_the_request_is_signed_for_that_holder(new_world: NewWorld) -> None:
    world = new_world(4)
    await short_by_one(world)
    now = world.clock.now()
    world.clock.seconds += 1
    await world.parts.mending.turn()
    [request] = [r for r in world.network.requests if r.path == "/repair"]
    claim = claim_of(request.headers)
    assert claim.sender == world.parts.hotkey
    seal = Seal(claim.receiver, verify, public_key_of, lambda: now, lambda: 0.0)
    body = request.content()
    assert body is not None
    await seal.check(seal.claim(request.headers), "POST", "/repair", body)


async def test_a_holder_that_does_not_listen_is_not_the_end(new_world: NewWorld) -> None:
    world = new_world(4)
    [cid] = await short_by_one(world)
    for miner in world.miners:
        miner.repair_failure = BUSY
    await world.parts.mending.turn()
    assert world.told(cid)["repair_asked_at"] is None
    for miner in world.miners:
        miner.repair_failure = None
    world.clock.seconds += world.settings.repair_after_s
    await world.parts.mending.turn()
    assert asked(world) == [cid]


async def test_a_turn_hands_on_so_many_and_no_more(
    new_world: NewWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mending, "A_TURN", 5)
    world = new_world(4)
    cids = await short_by_one(world, 12)
    world.clock.seconds += world.settings.repair_after_s
    counts = []
    for _ in range(4):
        await world.parts.mending.turn()
        counts.append(len(asked(world)))
    assert all(late - early <= 5 for early, late in zip([0, *counts], counts, strict=False))
    assert set(asked(world)) <= set(cids)
    assert len(set(asked(world))) >= 10


async def test_of_a_lost_record_nobody_is_asked(new_world: NewWorld) -> None:
    world = new_world(4)
    await world.placed()
    [cid] = stored(world, 1)
    await world.parts.survey.turn()
    world.lose(cid, among=3)
    await world.challenged()
    world.clock.seconds += 10 * world.settings.repair_after_s
    await world.parts.mending.turn()
    assert asked(world) == []


async def test_two_of_two_is_all_there_can_be(new_world: NewWorld) -> None:
    world = new_world(2)
    await world.placed()
    stored(world, 5)
    await world.parts.survey.turn()
    world.clock.seconds += 10 * world.settings.repair_after_s
    await world.parts.mending.turn()
    assert asked(world) == []


async def test_the_validators_own_records_are_not_given_away(new_world: NewWorld) -> None:
    world = new_world(4)
    await world.placed()
    world.miners[1].records.clear()
    await world.challenged(3)
    world.clock.seconds += world.settings.repair_after_s
    await world.parts.mending.turn()
    assert asked(world) == []

"""A LOST record stays in the books, and what brings a copy back is seen."""

from __future__ import annotations

from collections.abc import Callable

from engram.validator.verdict import Failure, Verdict
from tests.validator.simulated_miners import Held
from tests.validator.users import stored
from tests.validator.world import World

NewWorld = Callable[..., World]


async def lost(world: World) -> tuple[str, Held]:
    """A user's record that was HEALTHY and that no holder has any more."""
    await world.placed()
    [cid] = stored(world, 1)
    await world.parts.survey.turn()
    assert world.told(cid)["detail"] == "HEALTHY: 3 of 3"
    held = world.holders(cid)[0].records[cid]
    world.lose(cid, among=3)
    await world.challenged()
    assert world.told(cid)["detail"] == "LOST: 0 of 3"
    return cid, held


async def test_a_holder_that_returns_brings_it_back(new_world: NewWorld) -> None:
    world = new_world(4)
    cid, held = await lost(world)
    proved = world.told(cid)["last_proved"]
    world.clock.seconds += 86_400
    await world.parts.survey.turn()
    assert world.told(cid)["status"] == "LOST"
    assert world.told(cid)["last_proved"] == proved
    first, *others = world.holders(cid)
    first.records[cid] = held
    await world.parts.survey.turn()
    assert world.told(cid)["detail"] == "DEGRADED: 1 of 3"
    assert world.told(cid)["last_proved"] == world.clock.now()
    for miner in others:
        miner.records[cid] = held
    await world.parts.survey.turn()
    assert world.told(cid)["detail"] == "HEALTHY: 3 of 3"


async def test_what_a_client_imports_is_found_without_being_listed(new_world: NewWorld) -> None:
    """The copies are checked as those of a record that is short of them."""
    world = new_world(4, survey_pages=0)
    world.settings = world.settings.model_copy(update={"survey_pages": 4})
    world.restart()
    cid, held = await lost(world)
    world.settings = world.settings.model_copy(update={"survey_pages": 0})
    world.restart()
    for miner in world.holders(cid):
        miner.records[cid] = held
    await world.parts.survey.turn()
    told = world.told(cid)
    assert told["detail"] == "HEALTHY: 3 of 3"
    assert {one["evidence"] for one in told["holders"]} <= {"challenge", "retrieval"}


async def test_it_is_in_the_books_for_as_long_as_it_takes(new_world: NewWorld) -> None:
    from engram.validator.tidying import prune

    world = new_world(4)
    cid, _ = await lost(world)
    world.clock.seconds += 400 * 86_400
    prune(world.parts)
    world.restart()
    assert world.told(cid)["status"] == "LOST"


async def test_a_bad_moment_says_nothing_about_a_copy(new_world: NewWorld) -> None:
    """A miner that is slow or overloaded loses in its score, and no confirmation."""
    world = new_world(4)
    await world.placed()
    [cid] = stored(world, 1)
    await world.parts.survey.turn()
    slow = Failure(Verdict.SLOW, "No whole answer.")
    busy = Failure(Verdict.REFUSED, "It answered 503.", code="overloaded")
    for miner, failure in zip(world.holders(cid), (slow, busy, busy), strict=True):
        miner.proof_failure = failure
    await world.challenged()
    assert world.told(cid)["detail"] == "HEALTHY: 3 of 3"
    assert all(world.score(m.uid)["proof_rate"] == 0 for m in world.holders(cid))

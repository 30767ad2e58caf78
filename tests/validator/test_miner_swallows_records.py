"""A miner takes what it is given and forwards none of it: it harms nobody but itself."""

from __future__ import annotations

from collections.abc import Callable

from engram.validator.verdict import Failure, Verdict
from tests.validator.world import World

NewWorld = Callable[..., World]


async def test_its_neighbours_are_obliged_to_nothing_that_they_never_got(
    new_world: NewWorld,
) -> None:
    world = new_world(8)
    for miner in world.miners:
        miner.forwards = False  # the worst case: all of them swallow
        miner.signs = False
    await world.parts.follower.turn()
    await world.handed()
    await world.blocks(10)  # a placement block later, each owes what was posted to itself only
    for score in world.scores():
        [miner] = [m for m in world.miners if m.uid == score["uid"]]
        assert score["known"] <= len(miner.records)
    await world.judged(10)
    assert not any(score["slashed"] for score in world.scores())


async def test_they_are_offered_what_it_swallowed_and_judged_by_that(new_world: NewWorld) -> None:
    world = new_world(8)
    world.miners[0].forwards = False
    world.miners[0].keeps = lambda cid: False
    world.miners[0].signs = False
    await world.placed()
    await world.judged(10)
    honest = [score for score in world.scores() if score["uid"] != 0]
    assert all(score["recall"] == 1 and not score["slashed"] for score in honest)
    assert all(not score["warming_up"] for score in honest)
    assert world.score(0)["slashed"]
    assert world.score(0)["weight"] == 0


async def test_what_it_refuses_another_member_takes(new_world: NewWorld) -> None:
    world = new_world(4)
    world.miners[0].ingest_failure = Failure(Verdict.REFUSED, "It is full.", code="storage_full")
    await world.placed()
    await world.judged()
    honest = [score for score in world.scores() if score["uid"] != 0]
    assert all(score["recall"] == 1 and score["composite"] > 0.9 for score in honest)
    with world.parts.state.read() as connection:
        waiting = connection.execute(
            "SELECT count(*) FROM posts WHERE placement IS NULL"
        ).fetchone()[0]
    assert waiting == 0


async def test_a_post_is_made_once_to_any_member(new_world: NewWorld) -> None:
    """With 16 members most of those that a record falls to are not assigned to it."""
    world = new_world(16)
    await world.parts.follower.turn()
    await world.handed()
    posts = [r for r in world.network.requests if r.path == "/IngestSynapse"]
    with world.parts.state.read() as connection:
        records = connection.execute("SELECT count(*) FROM records").fetchone()[0]
    assert len(posts) == records
    assert len({request.url for request in posts}) > 8
    membership = world.parts.roster.table.current
    assert membership is not None
    for cid in {cid for miner in world.miners for cid in miner.records}:
        assert all(cid in world.network.by_uid[m.uid].records for m in membership.assigned(cid))

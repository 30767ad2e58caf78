"""The write path of the validator's own records: what an answer to an offer comes to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engram.protocol import IngestReply
from engram.validator.ask import Asked
from engram.validator.handing import come_to
from engram.validator.placing import shortfall
from engram.validator.roster import Assignments, Miner
from engram.validator.state.offers import Offer, OfferState
from engram.validator.verdict import Failure, Verdict
from tests.validator.world import World

NewWorld = Callable[..., World]
NOW = 1_000.0
TAKEN = Asked(IngestReply(cid=f"v1::{0:064x}", truncated=False, duplicate=False, exact=True), 0.1)


def refusal(code: str, retry_after: float | None = None) -> Failure:
    return Failure(Verdict.REFUSED, f"It answered {code}.", code, retry_after)


def test_what_is_taken_is_held() -> None:
    answered = come_to(Offer(1, 2), TAKEN, 50, NOW)
    assert (answered.state, answered.placement) == (OfferState.HELD, 50)


@pytest.mark.parametrize("code", ["refused_here", "storage_full"])
def test_a_refusal_is_a_failed_obligation_at_once(code: str) -> None:
    answered = come_to(Offer(1, 2), refusal(code), 50, NOW)
    assert (answered.state, answered.placement) == (OfferState.REFUSED, 50)


def test_throttled_is_repeated_once_after_the_time_it_names() -> None:
    first = come_to(Offer(1, 2), refusal("throttled", 7.0), 50, NOW)
    assert (first.state, first.next_at, first.placement) == (OfferState.DUE, NOW + 7, None)
    second = come_to(first.offer, refusal("throttled", 7.0), 50, NOW)
    assert second.state is OfferState.REFUSED


def test_a_bad_moment_is_forgiven_twice() -> None:
    offer = Offer(1, 2)
    for expected in (OfferState.DUE, OfferState.DUE, OfferState.REFUSED):
        answered = come_to(offer, refusal("not_ready"), 50, NOW)
        assert answered.state is expected
        offer = answered.offer


async def test_a_miner_that_cannot_be_reached_owes_nothing_yet(new_world: NewWorld) -> None:
    world = new_world()
    world.miners[1].dead = True
    await world.placed()
    offers = {score["uid"]: score["offers"] for score in world.scores()}
    assert offers[1].keys() == {"due"}
    assert offers[0].keys() == {"held"}
    asked_of_dead = [r for r in world.network.requests if r.url.endswith(":20001")]
    turns = sum(cadence.runs for cadence in world.parts.cadences) or len(asked_of_dead)
    assert len(asked_of_dead) <= turns  # one try a turn, not one a record


async def test_an_offer_obliges_from_the_next_placement_block_on(new_world: NewWorld) -> None:
    """Nobody signs anything: posts and offers are all that obliges."""
    world = new_world()
    for miner in world.miners:
        miner.signs = False
    await world.parts.follower.turn()
    await world.handed()
    assert [score["known"] for score in world.scores()] == [0, 0, 0]
    await world.blocks(10)
    posted = sum(score["known"] for score in world.scores())
    assert posted >= 8  # each record to one of the three, which are all assigned
    await world.handed()
    assert sum(score["known"] for score in world.scores()) == posted
    await world.blocks(10)
    assert all(score["known"] >= 8 for score in world.scores())


async def test_a_receipt_obliges_at_once(new_world: NewWorld) -> None:
    world = new_world()
    await world.parts.follower.turn()
    await world.handed()
    assert all(score["known"] >= 8 for score in world.scores())
    posts = [r for r in world.network.requests if r.path == "/IngestSynapse"]
    assert len(posts) == 10  # one each: nobody had to be offered any


async def test_records_are_steered_to_members_with_a_small_share(new_world: NewWorld) -> None:
    world = new_world(32)
    await world.placed()
    known = [score["known"] for score in world.scores()]
    assert min(known) >= 8
    with world.parts.state.read() as connection:
        records = connection.execute("SELECT count(*) FROM records").fetchone()[0]
    assert records < 2 * 32 * 10 / 3  # twice the least there could be


async def test_probes_look_like_anybodys_records(new_world: NewWorld) -> None:
    """No key, name or text that only a validator would send; the bytes carry their text."""
    world = new_world()
    await world.placed()
    posts = [r.body for r in world.network.requests if r.path == "/IngestSynapse"]
    assert posts
    for body in posts:
        assert body.keys() == {"embedding_b64", "metadata"}
        assert {"text", "namespace"} < body["metadata"].keys()
        allowed = {"text", "namespace", "created_at", "page", "chunk", "start"}
        assert body["metadata"].keys() <= allowed
        assert "validator" not in str(body["metadata"]).lower()


async def test_the_oldest_namespace_is_replaced_when_its_time_is_over(new_world: NewWorld) -> None:
    world = new_world(min_known=30, pool_days=1)
    await world.placed()

    def names() -> dict[str, bool]:
        with world.parts.state.read() as connection:
            rows = connection.execute("SELECT name, retired_at FROM namespaces").fetchall()
        return {row["name"]: row["retired_at"] is None for row in rows}

    before = names()
    assert len(before) == 2
    assert all(before.values())
    world.clock.seconds += 2 * 86_400
    await world.placed()
    after = names()
    assert sum(before[name] and not after[name] for name in before) >= 1
    await world.judged()
    assert all(score["recall"] == 1 for score in world.scores())


def test_shortfall_is_what_each_lacks() -> None:
    miners = {n: Miner(n, 10 + n, "h", "u") for n in (1, 2, 3)}
    records = {5: frozenset({1, 2}), 6: frozenset({1})}
    assert shortfall(Assignments(miners, 0, records), 2) == {12: 1, 13: 2}

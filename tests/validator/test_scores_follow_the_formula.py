"""What a miner does, and what it gets for it, with the real scoring code."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.validator.simulated_miners import half
from tests.validator.world import World

NewWorld = Callable[..., World]


@pytest.mark.parametrize("miners", [1, 2, 3, 16, 64])
async def test_honest_miners_score_above_0_9_and_are_never_slashed(
    new_world: NewWorld, miners: int
) -> None:
    world = new_world(miners)
    await world.placed()
    for _ in range(6):
        await world.challenged()
        await world.scored()
        assert not any(score["slashed"] for score in world.scores())
    scores = world.scores()
    assert len(scores) == miners
    assert all(score["composite"] > 0.9 for score in scores), scores
    assert all(score["recall"] == 1 for score in scores)


async def test_a_miner_that_drops_half_of_its_records(new_world: NewWorld) -> None:
    world = new_world(min_known=40)
    world.miners[1].keeps = half
    await world.placed()
    await world.judged(10)
    score = world.score(1)
    assert 0.25 < score["recall"] < 0.75
    assert 0.2 < score["proof_rate"] < 0.8
    assert score["composite"] == pytest.approx(
        0.5 * score["recall"] + 0.3 * score["latency_score"] + 0.2 * score["proof_rate"]
    )
    assert world.score(0)["composite"] > 0.9


async def test_a_miner_that_answers_random_results(new_world: NewWorld) -> None:
    world = new_world()
    await world.placed()
    world.miners[1].finds_at_random = True
    await world.judged()
    score = world.score(1)
    assert score["recall"] == 0
    assert score["latency_ms"] == 500
    assert score["composite"] == pytest.approx(0.2)  # its proofs are right


async def test_a_miner_that_answers_after_600_ms(new_world: NewWorld) -> None:
    world = new_world()
    await world.placed()
    world.miners[1].seconds = 0.6
    await world.judged()
    score = world.score(1)
    assert score["latency_score"] == 0
    assert score["composite"] == pytest.approx(0.7)


async def test_a_miner_that_answers_after_300_ms_gets_half_of_the_latency(
    new_world: NewWorld,
) -> None:
    world = new_world()
    await world.placed()
    world.miners[1].seconds = 0.3
    await world.judged()
    assert world.score(1)["composite"] == pytest.approx(0.85)


async def test_failed_proofs_bring_weight_0_within_20_challenge_rounds(
    new_world: NewWorld,
) -> None:
    world = new_world()
    await world.placed()
    await world.judged(20)
    assert world.score(1)["weight"] == pytest.approx(1 / 3)
    world.miners[1].fails_proofs = True
    rounds = 0
    while world.score(1)["weight"] > 0:
        await world.challenged()
        rounds += 1
        assert rounds <= 20
    assert rounds == 8  # two values a round, 16 of the last 30
    assert world.score(1)["slashed"]
    assert not any(world.score(uid)["slashed"] for uid in (0, 2))


async def test_a_dead_miner_falls_to_nothing(new_world: NewWorld) -> None:
    world = new_world()
    await world.placed()
    await world.judged()
    world.miners[1].dead = True
    await world.judged()
    score = world.score(1)
    assert (score["recall"], score["latency_score"]) == (0, 0)
    assert score["composite"] == pytest.approx(0.2 * score["proof_rate"])
    await world.challenged(12)
    score = world.score(1)
    assert (score["composite"], score["weight"]) == (0, 0)
    assert score["slashed"]


async def test_a_miner_is_warming_up_below_the_minimum(new_world: NewWorld) -> None:
    world = new_world()
    world.miners[1].dead = True  # it never took a record
    await world.placed()
    await world.judged()
    score = world.score(1)
    assert score["warming_up"]
    assert (score["composite"], score["weight"], score["slashed"]) == (None, 0, False)
    assert "warming up" in score["status"]


async def test_what_is_refused_counts_as_missing(new_world: NewWorld) -> None:
    from engram.validator.verdict import Failure, Verdict

    world = new_world()
    world.miners[1].ingest_failure = Failure(Verdict.REFUSED, "It is full.", code="storage_full")
    await world.placed()
    await world.judged()
    score = world.score(1)
    assert not score["warming_up"]
    assert score["recall"] == 0
    assert score["offers"].keys() == {"refused"}


async def test_a_hotkey_that_changed_starts_from_nothing(new_world: NewWorld) -> None:
    world = new_world()
    await world.placed()
    await world.judged()
    world.chain.change(1, hotkey="somebody else", registered_at=world.chain.head)
    await world.blocks(25)
    await world.blocks(10)
    score = world.score(1)
    assert score["hotkey"] == "somebody else"
    assert (score["challenges"], score["samples"], score["known"]) == (0, 0, 0)
    assert score["composite"] is None


async def test_the_average_moves_slowly_beside_the_raw_composite(new_world: NewWorld) -> None:
    world = new_world()
    await world.placed()
    await world.judged()
    world.miners[1].finds_at_random = True
    await world.scored(5)
    score = world.score(1)
    assert score["composite"] < 0.3 < 0.5 < score["average"]


async def test_two_validators_with_different_pools_agree_on_honest_miners(
    new_world: NewWorld,
) -> None:
    one = new_world(16, seed=1)
    other = new_world(16, seed=2)
    other.network.miners = one.network.miners  # the same miners, other records and probes
    for world in (one, other):
        await world.placed()
    for _ in range(6):
        for world in (one, other):
            await world.challenged()
            await world.scored()
    for world in (one, other):
        assert all(s["recall"] == 1 and not s["slashed"] for s in world.scores())
        assert all(s["composite"] > 0.9 for s in world.scores())


async def test_a_probe_is_asked_once(new_world: NewWorld) -> None:
    world = new_world()
    await world.placed()
    await world.scored(10)
    with world.parts.state.read() as connection:
        digests = [row["digest"] for row in connection.execute("SELECT digest FROM probes")]
    assert len(digests) == 50
    assert len(set(digests)) == 50

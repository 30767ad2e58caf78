"""The chain goes away while the validator runs: nobody is punished, and no window is missed."""

from __future__ import annotations

from collections.abc import Callable

from tests.validator.world import World

NewWorld = Callable[..., World]
WINDOW_S = 10 * 12  # the rate limit of the chain in memory, in seconds


async def test_scoring_goes_on_and_weights_follow_within_one_window(new_world: NewWorld) -> None:
    world = new_world()
    await world.live(5_000)
    before = len(world.chain.taken)
    assert before > 0
    rounds = len(world.rounds())
    world.chain.down = True
    await world.live(3_000)
    assert len(world.chain.taken) == before
    assert len(world.rounds()) >= rounds + 25  # 25 of scoring alone
    assert all(counted for _, counted in world.rounds())
    assert all(score["composite"] > 0.9 for score in world.scores())
    world.chain.down = False
    await world.live(WINDOW_S)
    assert len(world.chain.taken) == before + 1


async def test_every_attempt_is_told(new_world: NewWorld) -> None:
    world = new_world()
    await world.live(5_000)
    world.chain.down = True
    await world.live(700)
    last = world.parts.weights.last
    assert last is not None
    assert last.code == "chain_unavailable"
    text = world.parts.metrics.text().decode()
    assert 'engram_validator_weights_total{outcome="chain_unavailable"}' in text
    assert 'engram_validator_weights_total{outcome="set"}' in text

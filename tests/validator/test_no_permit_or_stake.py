"""A validator that may not set weights says what is missing, and scores all the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.validator.world import World

NewWorld = Callable[..., World]


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"validator_permit": False}, "no_permit", "64 to the largest stakes"),
        ({"stake": 1.0}, "low_stake", "has a stake of 1 and needs 50"),
        ({"hotkey": "another"}, "not_registered", "is not registered on the subnet"),
    ],
)
async def test_it_says_what_is_missing(
    new_world: NewWorld, change: dict[str, object], code: str, says: str
) -> None:
    world = new_world()
    world.chain.rules = replace(world.chain.rules, min_stake_to_set_weights=50.0)
    world.chain.change(world.chain.own().uid, **change)
    await world.live(4_000)
    last = world.parts.weights.last
    assert last is not None
    assert last.code == code
    assert says in last.message
    assert not world.chain.taken
    assert all(score["composite"] > 0.9 for score in world.scores())


async def test_a_subnet_that_wants_another_scoring_gets_none_of_ours(new_world: NewWorld) -> None:
    world = new_world()
    world.chain.rules = replace(world.chain.rules, weights_version=9)
    await world.live(3_000)
    assert world.parts.weights.last is not None
    assert world.parts.weights.last.code == "outdated"
    assert not world.chain.taken


async def test_when_nobody_earned_anything_nothing_is_submitted(new_world: NewWorld) -> None:
    world = new_world()
    await world.placed()
    for miner in world.miners:
        miner.finds_at_random = miner.fails_proofs = True
    await world.judged(20)
    world.chain.head += 100
    await world.parts.weights.attempt()
    assert world.parts.weights.last is not None
    assert world.parts.weights.last.code == "nothing_earned"
    assert not world.chain.taken

"""The chain is away when the validator starts: it tries five times, then goes on trying."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from tests.validator.world import World

NewWorld = Callable[..., World]


async def test_five_attempts_ten_seconds_apart_then_more(new_world: NewWorld) -> None:
    world = new_world()
    world.chain.down = True
    with structlog.testing.capture_logs() as lines:
        await world.live(120)
    attempts = [line["attempt"] for line in lines if line["event"] == "no chain"]
    assert attempts == [1, 2, 3, 4, 5]
    assert any("going on without the chain" in line["event"] for line in lines)
    assert world.chain.calls.count("connect") >= 12  # every ten seconds, without end
    assert world.scores() == []


async def test_once_it_is_there_everything_begins(new_world: NewWorld) -> None:
    world = new_world()
    world.chain.down = True
    await world.live(300)
    world.chain.down = False
    await world.live(4_000)
    assert len(world.chain.taken) > 0
    assert all(score["composite"] > 0.9 for score in world.scores())


async def test_a_validator_that_knows_its_miners_scores_without_a_chain(
    new_world: NewWorld,
) -> None:
    world = new_world()
    await world.placed()
    world.chain.down = True
    world.restart()
    await world.live(1_200)
    assert len(world.scores()) == 3
    assert all(score["composite"] > 0.9 for score in world.scores())
    assert not world.chain.taken

"""The validator's own line fails: what it then sees of miners counts for nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog

from tests.validator.world import World

NewWorld = Callable[..., World]


def judged(world: World) -> list[dict[str, Any]]:
    """What miners are thought of."""
    return [
        {name: value for name, value in score.items() if name != "weight_set"}
        for score in world.scores()
    ]


async def test_lost_for_45_minutes_nobody_is_punished(new_world: NewWorld) -> None:
    world = new_world(16)
    await world.placed()
    await world.judged()
    before = judged(world)
    world.network.cut = True
    with structlog.testing.capture_logs() as lines:
        await world.live(45 * 60)
    assert judged(world) == before
    discarded = [line for line in lines if "discarded" in line["event"]]
    assert len(discarded) >= 22 + 9
    text = world.parts.metrics.text().decode()
    assert 'engram_validator_discarded_rounds_total{kind="scoring"} 2' in text
    world.network.cut = False
    await world.live(1_300)
    assert all(score["composite"] > 0.9 for score in world.scores())
    assert world.chain.taken


async def test_most_of_them_out_of_reach_for_45_minutes(new_world: NewWorld) -> None:
    world = new_world(16)
    await world.placed()
    await world.judged()
    for miner in world.miners[:10]:
        miner.dead = True
    before = judged(world)
    await world.live(45 * 60)
    assert judged(world) == before


async def test_a_majority_that_is_gone_for_good_is_believed_after_an_hour(
    new_world: NewWorld,
) -> None:
    world = new_world(3)
    await world.placed()
    await world.judged()
    for miner in world.miners[:2]:
        miner.dead = True
    await world.live(3 * 3_600)
    assert world.score(0)["weight"] == 0
    assert world.score(2)["weight"] == 1


async def test_half_of_them_is_not_our_fault(new_world: NewWorld) -> None:
    world = new_world(4)
    await world.placed()
    await world.judged()
    for miner in world.miners[:2]:
        miner.dead = True
    await world.scored()
    assert world.rounds()[-1] == ("scoring", True)
    assert world.score(0)["recall"] < 1


async def test_silence_beyond_ten_minutes_suspends_until_an_audit_passes(
    new_world: NewWorld,
) -> None:
    from engram.validator.coverage import coverage

    def states(world: World) -> tuple[int, int, int]:
        with world.parts.state.read() as connection:
            told = coverage(connection, world.parts.roster.miners)
        return told["HEALTHY"], told["DEGRADED"], told["LOST"]

    world = new_world(audit_sample=64)
    await world.placed()
    await world.challenged()
    records = sum(states(world))
    assert states(world) == (records, 0, 0)
    world.miners[1].dead = True
    await world.live(500)
    assert states(world) == (records, 0, 0)  # silence alone changes nothing yet
    await world.live(800)
    assert states(world) == (0, records, 0)
    world.miners[1].dead = False
    await world.scored()
    assert states(world) == (0, records, 0)  # an answer is no proof
    await world.challenged()
    assert states(world) == (records, 0, 0)

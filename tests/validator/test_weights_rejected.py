"""The chain refuses weights: told, retried with growing pauses, given up with the tempo."""

from __future__ import annotations

from collections.abc import Callable

from engram.chain.interface import Receipt
from engram.validator.state import weight_sets
from engram.validator.state.weight_sets import Stage, WeightSet
from tests.validator.world import World

NewWorld = Callable[..., World]
REFUSED = Receipt(False, "rejected", "the chain refuses every write", None)


def sets(world: World) -> list[WeightSet]:
    with world.parts.state.read() as connection:
        return weight_sets.latest(connection, 100)


async def attempts_until(world: World, stop: Callable[[], bool]) -> list[float]:
    """The pauses between attempts."""
    pauses = []
    while not stop():
        pause = await world.parts.weights.attempt()
        assert pause is not None
        pauses.append(pause)
        world.clock.seconds += pause
        world._make_blocks()
        assert len(pauses) < 50
    return pauses


async def test_pauses_grow_and_a_new_set_is_made_after_a_tempo(new_world: NewWorld) -> None:
    world = new_world()
    await world.placed()
    await world.judged()
    world.started -= 12 * 40  # the window is open
    world._make_blocks()
    world.chain.refuses = REFUSED
    pauses = await attempts_until(world, lambda: len(sets(world)) == 2)
    assert pauses[:4] == [12, 24, 48, 96]
    assert max(pauses) <= 12 * world.chain.rules.tempo
    newest, oldest = sets(world)
    assert (oldest.stage, oldest.code) == (Stage.FAILED, "expired")
    assert newest.stage is Stage.PENDING
    assert newest.made_block > oldest.made_block + world.chain.rules.tempo


async def test_after_the_refusals_weights_are_set_within_one_window(new_world: NewWorld) -> None:
    world = new_world()
    world.chain.refuses = REFUSED
    await world.live(6_000)
    assert not world.chain.taken
    assert all(score["composite"] > 0.9 for score in world.scores())
    world.chain.refuses = None
    await world.live(600)
    assert world.chain.taken


async def test_too_early_waits_for_the_window_that_the_chain_names(new_world: NewWorld) -> None:
    world = new_world()
    await world.placed()
    await world.judged()
    world.chain.change(world.chain.own().uid, last_update=world.chain.head)
    pause = await world.parts.weights.attempt()
    assert world.parts.weights.last is not None
    assert world.parts.weights.last.code == "too_early"
    assert pause == 9 * 12  # what is sent in the ninth block from now is in the tenth
    assert world.parts.weights.next_window == world.chain.head + 10
    world.chain.head += 9
    assert await world.parts.weights.attempt() is None
    assert world.parts.weights.last.code == "set"
    assert world.chain.taken[-1][0] == world.parts.weights.next_window - 10


async def test_a_lost_reply_is_looked_up_and_never_repeated(new_world: NewWorld) -> None:
    world = new_world()
    await world.placed()
    await world.judged()
    world.chain.head += 100
    world.chain.loses_replies = True
    await world.parts.weights.attempt()
    assert [one.stage for one in sets(world)] == [Stage.PENDING]
    world.chain.loses_replies = False
    world.restart()
    await world.parts.weights.attempt()
    assert len(world.chain.taken) == 1
    assert [(one.stage, one.code) for one in sets(world)] == [(Stage.SET, "found_set")]


async def test_weights_are_proportional_and_stored_with_their_evidence(
    new_world: NewWorld,
) -> None:
    world = new_world()
    await world.placed()
    world.miners[2].seconds = 0.6
    await world.judged()
    world.chain.head += 100
    await world.parts.weights.attempt()
    [(_, weights, version)] = world.chain.taken
    assert version == 1
    assert sum(weights.values()) == 1
    hotkeys = [score["hotkey"] for score in world.scores()]
    assert weights[hotkeys[2]] / weights[hotkeys[0]] == 0.7
    [stored] = sets(world)
    assert stored.weights == weights
    by_uid = {one["uid"]: one for one in stored.evidence}
    assert by_uid[2]["latency_score"] == 0
    assert stored.last_round == len(world.rounds())

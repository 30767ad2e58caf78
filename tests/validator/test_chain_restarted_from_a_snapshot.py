"""The chain comes back as it was some time ago, and as another chain altogether."""

from __future__ import annotations

from collections.abc import Callable

from tests.validator.world import World

NewWorld = Callable[..., World]


async def test_blocks_that_go_back_are_followed(new_world: NewWorld) -> None:
    world = new_world()
    await world.live(5_000)
    taken = len(world.chain.taken)
    world.chain.down = True
    await world.live(60)
    world.chain.down = False
    world.started += 12 * 200  # 200 blocks are undone
    world.chain.change(world.chain.own().uid, last_update=0)
    world._make_blocks()
    await world.live(1_300)
    assert len(world.chain.taken) > taken
    table = world.parts.roster.table
    assert table.current is not None
    assert table.current.number <= world.chain.head
    assert all(score["composite"] > 0.9 for score in world.scores())


async def test_another_registration_in_a_seat_is_another_miner(new_world: NewWorld) -> None:
    world = new_world()
    await world.live(5_000)
    world.chain.down = True
    await world.live(60)
    world.chain.change(2, hotkey="newcomer", registered_at=3)
    world.chain.down = False
    await world.live(60)
    assert world.score(2)["hotkey"] == "newcomer"
    assert world.score(2)["samples"] == 0
    assert world.score(1)["composite"] > 0.9

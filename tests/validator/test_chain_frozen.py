"""A chain that takes calls and never answers: each call is given up, and nothing else waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from engram.chain.interface import Block
from engram.errors import ChainUnavailable
from engram.validator.chain_link import ChainLink
from tests.validator.chain_in_memory import MemoryChain
from tests.validator.world import World

NewWorld = Callable[..., World]


class FrozenChain(MemoryChain):
    """Hangs while ``thawed`` is not set."""

    def __init__(self) -> None:
        super().__init__([])
        self.thawed = threading.Event()
        self.thawed.set()

    def block(self) -> Block:
        self.thawed.wait()
        return super().block()


async def test_a_call_that_hangs_is_given_up_and_the_next_fails_at_once() -> None:
    chain = FrozenChain()
    link = ChainLink(chain, 1, deadline_s=0.05)
    assert (await link.block()).number == 10
    chain.thawed.clear()
    with pytest.raises(ChainUnavailable, match=r"no answer within 0\.05 s"):
        await link.block()
    for _ in range(3):
        with pytest.raises(ChainUnavailable, match="still owes"):
            await link.snapshot()
    assert not link.connected
    chain.thawed.set()
    while not link.connected:
        try:
            await link.block()
        except ChainUnavailable:
            await asyncio.sleep(0.01)
    assert link.problem is None
    link.close()


async def test_frozen_for_two_minutes_mid_loop(new_world: NewWorld) -> None:
    world = new_world(chain_deadline_s=0.05)
    await world.live(5_000)
    before = len(world.chain.taken)
    gate = threading.Event()
    reach = world.chain._reach

    def hang(call: str) -> None:
        gate.wait()
        reach(call)

    world.chain._reach = hang  # type: ignore[method-assign]
    rounds = len(world.rounds())
    await world.live(120)
    assert len(world.rounds()) > rounds
    assert len(world.chain.taken) == before
    gate.set()
    assert world.parts.link._owed is not None
    await asyncio.to_thread(world.parts.link._owed.result)
    await world.live(600)
    assert len(world.chain.taken) > before
    assert all(counted for _, counted in world.rounds())
    assert all(score["composite"] > 0.9 for score in world.scores())

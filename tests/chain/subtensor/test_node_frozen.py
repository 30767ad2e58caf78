"""A node that reads and never answers: callers go on at their deadline, and so does the chain."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import bittensor
import pytest

from engram.chain.subtensor.connection import Owner
from engram.chain.subtensor.endpoint import endpoint_of
from engram.errors import ChainUnavailable
from tests.chain.subtensor.conftest import Wire

DEADLINE_S = 2.0


def test_every_caller_is_let_go_and_the_next_dials_anew(wire: Wire) -> None:
    chain = wire.validator(deadline_s=DEADLINE_S)
    wire.node.faults.frozen = True
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(chain.snapshot, 1) for _ in range(8)]
        for call in calls:
            with pytest.raises(ChainUnavailable, match="within 2 s"):
                call.result()
    dialled = wire.node.dialled
    wire.node.faults.frozen = False
    assert chain.snapshot(1).neurons
    assert wire.node.dialled == dialled + 1


def test_no_thread_is_left_when_it_is_closed_meanwhile(wire: Wire) -> None:
    before = owners()
    chain = wire.validator(deadline_s=DEADLINE_S)
    wire.node.faults.frozen = True
    with pytest.raises(ChainUnavailable):
        chain.block()
    chain.close()
    assert owners() == before


def test_whoever_waits_hears_that_it_was_closed(wire: Wire) -> None:
    chain = wire.validator()
    wire.node.faults.frozen = True
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(chain.block)
        assert wire.node.ignored.wait(10)
        chain.close()
        with pytest.raises(ChainUnavailable, match="closed"):
            call.result()


def test_an_owner_that_is_stuck_itself_is_replaced(wire: Wire) -> None:
    """If the SDK ever blocked its event loop, nobody could be cancelled there."""
    released = threading.Event()

    async def stuck(_substrate: bittensor.RpcSubstrate) -> None:
        released.wait(60)

    async def head(substrate: bittensor.RpcSubstrate) -> str:
        return await substrate.block_hash(None)

    owner = Owner(endpoint_of(wire.node.url), DEADLINE_S)
    try:
        with pytest.raises(ChainUnavailable, match="within 2 s"):
            owner.ask(stuck)
        assert owner.ask(head).startswith("0x")
    finally:
        released.set()
        owner.close()


def test_an_answer_in_time_cancels_nothing(wire: Wire) -> None:
    async def slow(substrate: bittensor.RpcSubstrate) -> str:
        await asyncio.sleep(0.2)
        return await substrate.block_hash(None)

    owner = Owner(endpoint_of(wire.node.url), DEADLINE_S)
    try:
        assert owner.ask(slow) == owner.ask(slow)
    finally:
        owner.close()


def owners() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "subtensor"}

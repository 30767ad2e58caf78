"""The simulation fails when something that must hold does not."""

from __future__ import annotations

import asyncio
from unittest.mock import patch

import numpy as np
import pytest

from engram.dht import Membership
from engram.miner.records import Records
from engram.storage.interface import Embedding
from tests.simulation.books import Broken, Sent
from tests.simulation.invariants import Agreement, Messages
from tests.simulation.network import Request
from tests.simulation.quiet import Unexpected
from tests.simulation.readers import Reader
from tests.simulation.scenarios import holders, live, written
from tests.simulation.world import World
from tests.simulation.writers import Writer


def test_the_last_copy_given_up() -> None:
    async def main(world: World) -> None:
        [sent] = await written(Writer(world, "writer"), world.miners[0], 1)
        for miner in world.miners:
            miner.disk.forget([sent.cid])
        await asyncio.sleep(1)

    with pytest.raises(Broken, match="gave up the last copy"):
        live(main, miners=5)


def test_a_record_acknowledged_that_is_nowhere() -> None:
    async def main(world: World) -> None:
        world.books.promise(Writer(world, "writer").made())
        await asyncio.sleep(1)

    with pytest.raises(Broken, match="no honest disk has it"):
        live(main, miners=3)


def test_an_exception_that_a_handler_does_not_know() -> None:
    async def fails(*_: object) -> None:
        raise ZeroDivisionError

    async def main(world: World) -> None:
        request = Request("POST", "/has", b'{"cids": []}')
        with patch.object(Records, "has", fails):
            await world.network.ask("a client", world.miners[0].axon.url, request, 1)

    with pytest.raises(Unexpected, match="ZeroDivisionError"):
        live(main, miners=3)


def test_too_many_messages() -> None:
    async def main(world: World) -> None:
        messages = Messages(world, world.books)
        for _ in range(21):
            request = Request("GET", "/health")
            await world.network.ask("m0", world.miners[1].axon.url, request, 1)
        messages.check()
        await asyncio.sleep(1)

    with pytest.raises(Broken, match=r"m0 sent 2[1-9] messages to m1 in a minute, 20 are allowed"):
        live(main, miners=3)


def test_nodes_that_place_otherwise() -> None:
    async def main(world: World) -> None:
        agreement = Agreement(world, world.books)
        agreement.check()
        table = world.miners[2].node.table  # type: ignore[union-attr]
        now = table.current
        assert now is not None
        table._at = (Membership(now.number, now.block_hash, now.members[:-1]),)
        agreement.check()
        await asyncio.sleep(1)

    with pytest.raises(Broken, match="m2 has other members"):
        live(main, miners=3)


def test_wrong_bytes_from_the_sdk() -> None:
    async def main(world: World) -> None:
        [sent] = await written(Writer(world, "writer"), world.miners[0], 1)
        other: Embedding = sent.embedding + np.float32(1)
        await Reader(world, "reader").get(Sent(sent.cid, other, sent.metadata))
        await asyncio.sleep(1)

    with pytest.raises(Broken, match="get gave another vector"):
        live(main, miners=3)


def test_a_commit_that_a_crash_came_before_is_gone() -> None:
    """And one that it came after is there: so the acknowledgement was no lie."""

    async def main(world: World) -> None:
        writer = Writer(world, "writer")
        [sent] = await written(writer, world.miners[0], 1)
        held = [miner for miner in holders(world, sent.cid) if miner.alive]
        for miner in held:
            miner.crash()
        assert all(sent.cid in miner.disk.records for miner in held)
        world.start(held)
        await asyncio.sleep(1)
        receiver = world.miners[0]
        receiver.speed.commit_s = 60.0
        asking = asyncio.ensure_future(writer.write(receiver))
        await asyncio.sleep(1)
        known = len(receiver.disk.records)
        receiver.crash()
        await asyncio.sleep(300)
        assert await asking is None
        assert len(receiver.disk.records) == known

    live(main, miners=3)

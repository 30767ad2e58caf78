"""Small worlds for single questions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import orjson

from tests.simulation.books import Sent
from tests.simulation.invariants import lacking
from tests.simulation.miner import Miner
from tests.simulation.network import Reply, Request
from tests.simulation.stage import staged
from tests.simulation.world import World
from tests.simulation.writers import PATIENCE_S, Writer

SEED = 1
STARTED_S = 5.0  # by then every miner knows its place


def live(main: Callable[[World], Coroutine[Any, Any, None]], **given: Any) -> None:
    """Run it in a world in which everybody has started. Raises Broken for a broken invariant."""

    async def begun(folder: Path) -> None:
        world = World(SEED, folder, **given)
        world.start()
        await asyncio.sleep(STARTED_S)
        parts: list[asyncio.Future[Any]] = [asyncio.ensure_future(main(world)), world.books.broken]
        await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        for part in parts:
            if part.done():
                part.result()

    staged(begun)


async def written(writer: Writer, miner: Miner, count: int) -> list[Sent]:
    """So many records, each acknowledged by as many holders as there can be."""
    known = set(writer.world.books.known)
    for _ in range(count):
        reply = await writer.write(miner, min(3, len(writer.world.miners)))
        assert reply is not None and reply.status == 200, reply
    return [sent for cid, sent in writer.world.books.known.items() if cid not in known]


def holders(world: World, cid: str) -> list[Miner]:
    """The three that placement names, primary first."""
    return [world.miners[uid] for uid in world.nearest([cid], 3)[0].tolist()]


async def whole_within(world: World, seconds: float) -> float:
    """Seconds until every record is on all its holders. Fails if it takes longer."""
    began = world.loop.time()
    while found := lacking(world, world.books):
        assert world.loop.time() - began < seconds, found
        await asyncio.sleep(1)
    return world.loop.time() - began


async def retrieved(world: World, miner: Miner, cid: str) -> dict[str, Any] | None:
    """The record as the miner serves it; None if it does not."""
    request = Request("GET", f"/retrieve/{cid}")
    found = await world.network.ask("a client", miner.axon.url, request, PATIENCE_S)
    if not isinstance(found, Reply) or found.status != 200:
        return None
    body: dict[str, Any] = orjson.loads(found.body)
    return body

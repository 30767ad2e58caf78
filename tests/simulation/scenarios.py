"""Small worlds for single questions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import orjson

from engram.config import ValidatorSettings
from tests.simulation.books import Sent
from tests.simulation.invariants import lacking
from tests.simulation.miner import Miner
from tests.simulation.network import Reply, Request
from tests.simulation.stage import staged
from tests.simulation.validator import Validator
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


def judge(world: World) -> Validator:
    """A validator at its usual pace, with few records of its own."""
    uid, key = world.permitted[0]
    validator = Validator(
        world,
        key.name,
        key,
        uid,
        ValidatorSettings(data_dir=world.folder / key.name, min_known=8),
    )
    validator.start()
    return validator


async def told(world: World, validator: Validator) -> dict[str, int]:
    """What the validator says of users' records: how many there are of each status."""
    found = await world.network.ask(
        "a client", validator.url, Request("GET", "/replication"), PATIENCE_S
    )
    assert isinstance(found, Reply) and found.status == 200, found
    users: dict[str, int] = orjson.loads(found.body)["users"]
    return {name: users[name] for name in ("HEALTHY", "DEGRADED", "LOST")}


async def told_healthy(world: World, validator: Validator, records: int) -> None:
    """Return once it says that of all records."""
    while (await told(world, validator))["HEALTHY"] < records:  # noqa: ASYNC110
        await asyncio.sleep(1)

"""A miner mints records around the query of a spot probe: they stand in for nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from engram.core import generate_cid
from engram.core.embedding import from_base64, normalise
from tests.validator.simulated_miners import Held, SimulatedMiner
from tests.validator.test_users_records_are_learned import spots
from tests.validator.users import stored
from tests.validator.world import World

NewWorld = Callable[..., World]
Json = dict[str, Any]


def minted(miner: SimulatedMiner, body: Json, count: int = 10) -> list[str]:
    """Genuine records as near to the query as can be, made this moment."""
    query = from_base64(body["query_b64"])
    noise = np.random.default_rng(len(miner.records)).standard_normal((count, 384)) * 1e-4
    cids = []
    for row in noise:
        vector = normalise((query + row).astype(np.float32))
        cid = generate_cid(vector, {"minted": True})
        miner.records[cid] = Held(vector, vector, {"minted": True})
        cids.append(cid)
    return cids


def mints(miner: SimulatedMiner, tells: Callable[[list[str], World], None], world: World) -> None:
    """From now on it drops users' records and mints what it is asked for without a filter."""
    honest = miner.results

    def results(body: Json) -> list[Json]:
        if body.get("where"):
            return honest(body)
        cids = minted(miner, body)
        tells(cids, world)
        query = normalise(from_base64(body["query_b64"]))
        return [miner.hit(c, float(miner.records[c].unit @ query), {}) for c in cids]

    miner.results = results  # type: ignore[method-assign]


async def judged_spots(new_world: NewWorld, tells: Callable[[list[str], World], None]) -> World:
    world = new_world(3)
    await world.placed()
    cids = stored(world, 40)
    await world.parts.survey.turn()
    for cid in cids:
        world.miners[1].records.pop(cid)
    mints(world.miners[1], tells, world)
    await world.scored(3)
    return world


def to_nobody(_: list[str], __: World) -> None:
    pass


def to_all(cids: list[str], world: World) -> None:
    """The others have had them for five seconds, as their clocks say."""
    for miner in world.miners:
        miner.records |= {cid: world.miners[1].records[cid] for cid in cids}


async def test_what_no_second_holder_has_is_no_result(new_world: NewWorld) -> None:
    world = await judged_spots(new_world, to_nobody)
    assert sorted(spots(world)) == [0.0] * 6 + [1.0] * 12
    assert world.score(1)["recall"] < 1
    asked = [r for r in world.network.requests if r.path == "/has"]
    assert asked


async def test_what_a_second_holder_had_before_stands_in(new_world: NewWorld) -> None:
    """Approximate search may pass a record over for others that are as near: that is honest."""
    world = await judged_spots(new_world, to_all)
    assert spots(world) == [1.0] * 18


async def test_what_a_second_holder_got_after_the_question_does_not(
    new_world: NewWorld,
) -> None:
    world = new_world(3)
    await world.placed()
    cids = stored(world, 40)
    await world.parts.survey.turn()
    for cid in cids:
        world.miners[1].records.pop(cid)
    mints(world.miners[1], to_all, world)
    for miner in world.miners:
        miner.age_ms = 500  # younger than the question and the time that clocks may differ by
    await world.scored(3)
    assert sorted(spots(world)) == [0.0] * 6 + [1.0] * 12

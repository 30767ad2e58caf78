"""Users' records come to be known from pages that members list and sign for, and are then owed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engram.validator.pages import PAGE
from engram.validator.state import pool, receipts
from tests.validator.simulated_miners import SimulatedMiner
from tests.validator.users import stored
from tests.validator.world import World

NewWorld = Callable[..., World]
Json = dict[str, Any]


def users(world: World) -> Json:
    from engram.validator.coverage import coverage

    with world.parts.state.read() as connection:
        found: Json = coverage(connection, world.parts.roster.miners)["users"]
    return found


def spots(world: World) -> list[float]:
    """Recall of every spot probe so far."""
    with world.parts.state.read() as connection:
        rows = connection.execute(
            "SELECT s.recall FROM samples AS s JOIN probes ON probes.id = probe "
            "JOIN records ON records.id = probes.record WHERE namespace IS NULL"
        ).fetchall()
    return [row["recall"] for row in rows]


async def test_they_are_healthy_after_one_survey(new_world: NewWorld) -> None:
    world = new_world(5)
    await world.placed()
    cids = stored(world, 40)
    await world.parts.survey.turn()
    assert (users(world)["records"], users(world)["HEALTHY"]) == (40, 40)
    told = world.told(cids[0])
    assert [one["evidence"] for one in told["holders"]] == ["page"] * 3
    assert told["last_proved"] == world.clock.now()


async def test_all_pages_are_read_in_time_and_then_what_arrives(new_world: NewWorld) -> None:
    world = new_world(3, survey_pages=3)
    await world.placed()
    stored(world, 5 * PAGE)
    for _ in range(4):
        await world.parts.survey.turn()
    assert users(world)["records"] == 5 * PAGE
    stored(world, 10, seed=6)
    await world.parts.survey.turn()
    assert users(world)["records"] == 5 * PAGE + 10


async def test_it_goes_on_where_it_was_after_a_restart(new_world: NewWorld) -> None:
    world = new_world(3, survey_pages=2)
    await world.placed()
    stored(world, 4 * PAGE)
    await world.parts.survey.turn()
    world.restart()
    before = len(world.network.requests)
    await world.parts.survey.turn()
    pages = [r for r in world.network.requests[before:] if r.path == "/list"]
    assert {r.body.get("cursor") for r in pages} == {None, str(PAGE)}


async def test_a_member_that_forgot_its_cursors_is_read_anew(new_world: NewWorld) -> None:
    from engram.validator.verdict import Failure, Verdict

    world = new_world(3, survey_pages=2)
    await world.placed()
    stored(world, 3 * PAGE)
    await world.parts.survey.turn()
    real = SimulatedMiner.page

    def forgetful(miner: SimulatedMiner, body: Json) -> Any:
        if body.get("cursor"):
            return {"error": "no such cursor", "code": "invalid_input"}
        return real(miner, body)

    for miner in world.miners:
        miner.page = forgetful.__get__(miner)  # type: ignore[method-assign]
        miner.reply = failing(miner.reply, Failure, Verdict)  # type: ignore[method-assign]
    for _ in range(3):
        await world.parts.survey.turn()
    last = [r.body.get("cursor") for r in world.network.requests if r.path == "/list"][-6:]
    assert None in last


def failing(reply: Any, failure: Any, verdict: Any) -> Any:
    def answered(value: Json) -> Any:
        if value.get("error"):
            return failure(verdict.REFUSED, "It answered 400.", code=value["code"])
        return reply(value)

    return answered


async def test_a_receipt_obliges_and_spot_probes_look_for_it(new_world: NewWorld) -> None:
    world = new_world(4)
    await world.placed()
    stored(world, 30)
    await world.scored()
    assert spots(world) == []  # nothing is known of them yet
    await world.parts.survey.turn()
    await world.scored(3)
    assert spots(world) == [1.0] * (4 * 2 * 3)  # miners, spots, rounds
    with world.parts.state.read() as connection:
        assert all(receipts.signed_for(connection, m.id) for m in world.parts.roster.miners)
        digests = [r["digest"] for r in connection.execute("SELECT digest FROM probes")]
    assert len(digests) == len(set(digests))


async def test_without_a_receipt_it_is_known_and_not_owed(new_world: NewWorld) -> None:
    world = new_world(4)
    await world.placed()
    cids = stored(world, 30)
    for miner in world.miners:
        miner.signs = False
    await world.parts.survey.turn()
    assert users(world)["HEALTHY"] == 30
    for cid in cids:
        world.lose(cid, among=3)
    await world.judged(10)
    assert all(s["recall"] == 1 and s["proof_rate"] == 1 for s in world.scores())
    assert spots(world) == []


async def test_what_was_signed_for_and_dropped_costs_recall_and_proofs(
    new_world: NewWorld,
) -> None:
    world = new_world(3)
    await world.placed()
    cids = stored(world, 60)
    await world.parts.survey.turn()
    for cid in cids:
        world.miners[2].records.pop(cid)
    await world.judged(6)
    assert [score["recall"] for score in world.scores()][:2] == [1, 1]
    assert world.score(2)["recall"] == 5 / 7  # two of seven answers are spot probes
    assert world.score(2)["proof_rate"] < 0.8


async def test_a_copy_at_a_member_that_is_not_named_does_not_count(new_world: NewWorld) -> None:
    world = new_world(8)
    await world.placed()
    [cid] = stored(world, 1)
    held = world.holders(cid)[0].records[cid]
    for miner in world.miners:
        miner.records[cid] = held
    await world.parts.survey.turn()
    assert world.told(cid)["detail"] == "HEALTHY: 3 of 3"
    assert len(world.told(cid)["holders"]) == 3


async def test_wrong_bytes_on_a_page_revoke_what_was_confirmed(new_world: NewWorld) -> None:
    world = new_world(4)
    await world.placed()
    [cid] = stored(world, 1)
    await world.parts.survey.turn()
    liar = world.holders(cid)[0]
    liar.fails_proofs = True
    await world.parts.survey.turn()
    told = world.told(cid)
    assert told["detail"] == "DEGRADED: 2 of 3"
    assert told["missing"] == [liar.uid]


async def test_books_are_kept_of_so_many_and_no_more(new_world: NewWorld) -> None:
    world = new_world(3, known_limit=25)
    await world.placed()
    stored(world, 100)
    for _ in range(3):
        await world.parts.survey.turn()
    with world.parts.state.read() as connection:
        assert pool.count(connection) == 25


async def test_a_hundred_times_as_many_users_records(new_world: NewWorld) -> None:
    world = new_world(6)
    await world.placed()
    with world.parts.state.read() as connection:
        own = pool.count(connection)
    stored(world, 100 * own)
    for _ in range(3):
        await world.parts.survey.turn()
    await world.judged(5)
    for score in world.scores():
        assert score["recall"] >= 0.95
        assert score["composite"] > 0.9
        assert not score["slashed"]
    assert len(spots(world)) == 6 * 2 * 5

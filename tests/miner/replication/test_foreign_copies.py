"""Copies that are not a node's own: brought to their holders, and kept until these have them."""

from __future__ import annotations

import asyncio
import math
import random

import orjson
import pytest
from structlog.testing import capture_logs

from engram.core.embedding import normalise, to_base64
from engram.miner.replication.foreign import pages
from engram.protocol import MAX_HAS, MAX_RETRIEVE
from engram.storage.interface import NewRecord
from tests.miner.replication.grid import SWEEP_S, Grid, Node, grid_of, records
from tests.miner.replication.test_comparison import many_digests
from tests.simulation.loop import simulate

KEEP_S = 3_600.0
GIVES = 25


def outsider(grid: Grid, record: NewRecord) -> Node:
    return next(node for node in grid.nodes if node not in grid.holders(record.cid))


def test_a_node_that_was_alone_hands_over_what_it_has() -> None:
    async def scenario() -> None:
        async with grid_of(5) as grid:
            given = records(50)
            loner = grid.nodes[4]
            loner.disk.put(given)
            await grid.until(lambda: grid.spread([record.cid for record in given]), 180)

    simulate(scenario())


def test_a_foreign_copy_is_forgotten_once_it_is_old_and_every_holder_gave_it_back() -> None:
    async def scenario() -> None:
        async with grid_of(5, keep_foreign_s=KEEP_S) as grid:
            [given] = records(1)
            grid.give([given])
            keeper = outsider(grid, given)
            keeper.disk.put([given])
            await asyncio.sleep(KEEP_S - 1)
            assert given.cid in keeper.holds(), "it is not old yet"
            assert grid.messages("/batch/retrieve") == 0
            await grid.until(lambda: given.cid not in keeper.holds(), 2 * SWEEP_S)
            assert grid.messages("/batch/retrieve") == 3
            assert grid.spread([given.cid])

    simulate(scenario())


def test_a_foreign_copy_is_kept_while_a_holder_does_not_answer() -> None:
    async def scenario() -> None:
        async with grid_of(5, keep_foreign_s=0.0, absent_after_s=1e9) as grid:
            [given] = records(1)
            grid.give([given])
            keeper = outsider(grid, given)
            keeper.disk.put([given])
            silent = grid.holders(given.cid)[2]
            grid.unreachable.add(silent.uid)
            await asyncio.sleep(10 * SWEEP_S)
            assert given.cid in keeper.holds()
            grid.unreachable.clear()
            await grid.until(lambda: given.cid not in keeper.holds(), 2 * SWEEP_S)

    simulate(scenario())


def test_a_copy_is_kept_while_a_holder_s_operator_refuses_it() -> None:
    async def scenario() -> None:
        async with grid_of(5, keep_foreign_s=0.0) as grid:
            [given] = records(1)
            grid.give([given])
            keeper = outsider(grid, given)
            keeper.disk.put([given])
            grid.holders(given.cid)[1].disk.delete(given.cid)
            await asyncio.sleep(10 * SWEEP_S)
            assert given.cid in keeper.holds()

    simulate(scenario())


def other_vector(cid: str, body: bytes) -> bytes:
    reply = orjson.loads(body)
    return orjson.dumps(reply | {"embedding_b64": to_base64(normalise(records(1, 9)[0].embedding))})


def other_metadata(cid: str, body: bytes) -> bytes:
    return orjson.dumps(orjson.loads(body) | {"metadata": {"n": -1}})


def no_record(cid: str, body: bytes) -> bytes:
    return b'{"records": []}'


def nothing(cid: str, body: bytes) -> bytes:
    return b"null"


@pytest.mark.parametrize("lie", [other_vector, other_metadata, no_record, nothing])
def test_a_holder_that_says_it_has_a_record_and_gives_other_bytes_gets_it_again(
    lie: object,
) -> None:
    async def scenario() -> None:
        async with grid_of(5, keep_foreign_s=0.0) as grid:
            [given] = records(1)
            grid.give([given])
            keeper, liar = outsider(grid, given), grid.holders(given.cid)[0]
            keeper.disk.put([given])
            liar.lie = lie  # type: ignore[assignment]
            with capture_logs() as logs:
                await asyncio.sleep(3 * SWEEP_S)
            assert given.cid in keeper.holds(), "the copy is all that shows the lie"
            named = {line.get("hotkey") for line in logs if line.get("cid") == given.cid}
            assert liar.key.hotkey in named
            assert grid.sent[keeper.uid, liar.uid, "/replica"] >= 1
            honest = [node for node in grid.holders(given.cid) if node is not liar]
            assert not any(grid.sent[keeper.uid, node.uid, "/replica"] for node in honest)

    simulate(scenario())


def test_gibberish_in_the_place_of_a_reply_is_no_answer_at_all() -> None:
    async def scenario() -> None:
        async with grid_of(5, keep_foreign_s=0.0) as grid:
            [given] = records(1)
            grid.give([given])
            keeper, liar = outsider(grid, given), grid.holders(given.cid)[0]
            keeper.disk.put([given])
            liar.lie = lambda cid, body: b"}"
            with capture_logs() as logs:
                await asyncio.sleep(3 * SWEEP_S)
            assert given.cid in keeper.holds()
            assert any(line.get("hotkey") == liar.key.hotkey for line in logs)
            assert grid.sent[keeper.uid, liar.uid, "/replica"] == 0

    simulate(scenario())


def test_many_copies_are_fetched_back_in_few_messages() -> None:
    async def scenario() -> None:
        async with grid_of(4, keep_foreign_s=0.0) as grid:
            given = records(400)
            grid.give(given)
            keeper = grid.nodes[3]
            mine = {record.cid for record in given if keeper in grid.holders(record.cid)}
            keeper.disk.put(given)
            grid.nodes[0].gives = GIVES
            await grid.until(lambda: keeper.holds() == mine, 2 * SWEEP_S)
            foreign = len(given) - len(mine)
            sent = grid.sent[3, 0, "/batch/retrieve"]
            assert sent == math.ceil(foreign / GIVES)
            assert grid.sent[3, 1, "/batch/retrieve"] == math.ceil(foreign / MAX_RETRIEVE)
            assert grid.spread([record.cid for record in given])

    simulate(scenario())


def test_a_record_that_a_validator_asks_about_is_fetched_and_sent_where_it_is_damaged() -> None:
    async def scenario() -> None:
        async with grid_of(4) as grid:
            given = records(12)
            cids = [record.cid for record in given]
            grid.give(given)
            await asyncio.sleep(120)
            asked = next(cid for cid in cids if grid.nodes[0] in grid.holders(cid))
            first, victim, *_ = [grid.nodes[0], *grid.holders(asked)]
            victim = next(node for node in grid.holders(asked) if node is not first)
            victim.disk.damage(asked)
            strangers = records(3, seed=5)
            wanted = [asked, *(record.cid for record in strangers)]
            assert await first.part.foreign.look_after(wanted) == 1
            assert await first.part.foreign.look_after(wanted) == 1, "asking twice is no more"
            await grid.until(lambda: asked in victim.holds(), 60)

    simulate(scenario())


def test_a_node_that_is_no_member_keeps_everything() -> None:
    async def scenario() -> None:
        async with grid_of(5, keep_foreign_s=0.0) as grid:
            given = records(10)
            gone = grid.nodes[4]
            members = grid.nodes[:4]
            grid.place(members)
            grid.give(given)
            gone.disk.put(given)
            await asyncio.sleep(5 * SWEEP_S)
            assert sum(grid.sent[gone.uid, node.uid, "/has"] for node in members) > 0
            assert len(gone.holds()) == 10

    simulate(scenario())


@pytest.mark.parametrize("count", [0, 1, MAX_HAS, 2 * MAX_HAS + 1])
def test_pages_go_around_once_from_wherever_they_begin(count: int) -> None:
    digests = many_digests(count)
    for position in (bytes(32), b"\xff" * 32, random.Random(1).randbytes(32)):
        seen = [row.tobytes() for page in pages(digests, position) for row in page]
        assert sorted(seen) == [row.tobytes() for row in digests]
        assert not seen or seen[0] == next((d for d in sorted(seen) if d > position), min(seen))


def test_a_turn_that_finds_nothing_missing_is_short_and_the_next_goes_on() -> None:
    async def scenario() -> None:
        async with grid_of(4) as grid:
            everybody, keeper = grid.nodes[:3], grid.nodes[3]
            digests = many_digests(12 * MAX_HAS)
            claimed = {f"v1::{row.tobytes().hex()}" for row in digests}
            grid.place(everybody)
            for node in everybody:
                node.disk._digests = digests
                node.disk.has = lambda cids: dict.fromkeys(claimed & set(cids), 0.0)  # type: ignore[method-assign]
            grid.place(everybody)
            keeper.disk._digests = digests
            await asyncio.sleep(SWEEP_S - 1)
            one_turn = grid.sent[keeper.uid, 0, "/has"]
            assert 0 < one_turn <= 5
            await asyncio.sleep(SWEEP_S)
            assert grid.sent[keeper.uid, 0, "/has"] == 2 * one_turn

    simulate(scenario())

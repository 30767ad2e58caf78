"""Two miners compare what they hold: what it costs, what it finds, and who sends what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import orjson
import pytest

from engram.core.ranges import Digests, unique
from engram.dht import Membership
from engram.errors import NotAssigned, StaleMembership, Throttled
from engram.miner.replication.compare import Comparison
from engram.miner.replication.holdings import Holdings
from engram.miner.replication.inquiry import QUESTIONS
from engram.protocol import CompareRequest
from engram.protocol.nodes import Range
from tests.miner.replication.grid import COMPARE_S, Grid, Node, grid_of, records
from tests.simulation.loop import simulate

COMMON = 100_000
WHOLE = Range(low="", high=None, count=0, fingerprint="0" * 64)


def many_digests(count: int, seed: int = 1) -> Digests:
    return unique(np.random.default_rng(seed).integers(0, 256, (count, 32), np.uint8))


def hold(node: Node, digests: Digests) -> None:
    """Have the node's disk say that it holds these, without any bytes behind them."""
    node.disk._digests = digests


def compare_of(node: Node) -> Comparison:
    return node.part.compare


@pytest.mark.parametrize(("missing", "most_bytes"), [(0, 1_000), (1, 10_000), (10, 64_000)])
def test_agreeing_costs_nothing_and_a_difference_kilobytes(missing: int, most_bytes: int) -> None:
    async def scenario() -> None:
        async with grid_of(2, started=False) as grid:
            one, other = grid.nodes
            digests = many_digests(COMMON)
            for node in grid.nodes:
                node.start()
            hold(one, digests)
            rows = np.random.default_rng(2).choice(len(digests), missing, replace=False)
            hold(other, np.delete(digests, rows, axis=0))
            queued = deliveries(one)
            same = await compare_of(one).with_peer(grid.member(other))
            assert same == (missing == 0)
            expected = {f"v1::{digests[row].tobytes().hex()}" for row in rows}
            assert set(queued) == expected
            assert grid.bytes["/compare"] <= most_bytes
            if not missing:
                assert grid.messages("/compare") == 1

    simulate(scenario())


def deliveries(node: Node) -> list[str]:
    """CIDs that it queues from now on."""
    seen: list[str] = []

    async def queue(pairs: list[tuple[int, str]], *, ask_first: bool) -> int:
        seen.extend(cid for _, cid in pairs)
        return len(pairs)

    node.part.outbox.queue = queue  # type: ignore[method-assign,assignment]
    return seen


def test_what_the_other_has_is_asked_for_and_sent() -> None:
    async def scenario() -> None:
        async with grid_of(3, started=False) as grid:
            given = records(30)
            grid.give(given)
            poor = grid.nodes[0]
            lost = sorted(poor.holds())[:5]
            poor.disk.forget(lost)
            for node in grid.nodes:
                node.start()
            for node in grid.nodes[1:]:
                assert not await compare_of(poor).with_peer(grid.member(node))
            await grid.until(lambda: grid.spread([record.cid for record in given]), 5)

    simulate(scenario())


def test_the_first_holder_sends_at_once_and_another_only_if_it_does_not() -> None:
    async def scenario() -> None:
        async with grid_of(3, started=False) as grid:
            [given] = records(1)
            grid.give([given])
            first, second, poor = grid.holders(given.cid)
            poor.disk.forget([given.cid])
            first.start()
            second.start()
            poor.start()
            by_first, by_second = deliveries(first), deliveries(second)
            poor_one = grid.member(poor)
            await compare_of(second).with_peer(poor_one)
            assert by_second == [], "it is not its turn"
            await compare_of(first).with_peer(poor_one)
            assert set(by_first) == {given.cid}
            await asyncio.sleep(COMPARE_S / 4)
            await compare_of(second).with_peer(poor_one)
            assert by_second == [], "the first has had no time"
            await asyncio.sleep(COMPARE_S)
            await compare_of(second).with_peer(poor_one)
            assert set(by_second) == {given.cid}

    simulate(scenario())


def test_a_tombstone_counts_as_held_and_nothing_is_sent_again() -> None:
    async def scenario() -> None:
        async with grid_of(4) as grid:
            given = records(40)
            cids = [record.cid for record in given]
            grid.give(given)
            refuser = grid.nodes[1]
            refused = sorted(refuser.holds())[:7]
            for cid in refused:
                refuser.disk.delete(cid)
            await asyncio.sleep(30 * COMPARE_S)
            assert grid.messages("/replica") == 0
            assert not refuser.holds() & set(refused)
            others = [node for node in grid.nodes if node is not refuser]
            assert all(
                cid in node.holds() for cid in cids for node in others if node in grid.holders(cid)
            )

    simulate(scenario())


def test_a_change_of_members_moves_only_the_leaver_s_share() -> None:
    async def scenario() -> None:
        async with grid_of(6, keep_foreign_s=600.0) as grid:
            given = records(120)
            cids = [record.cid for record in given]
            grid.give(given)
            await asyncio.sleep(2 * COMPARE_S)
            before = {cid: set(map(id, grid.holders(cid))) for cid in cids}
            leaver = grid.nodes[3]
            share = len(leaver.holds())
            grid.place([node for node in grid.nodes if node is not leaver])
            taken = deliveries_counted(grid)
            assert sum(bool(set(map(id, grid.holders(cid))) - before[cid]) for cid in cids) == share
            await grid.until(lambda: grid.spread(cids), 2 * COMPARE_S)
            assert taken() <= 2 * share
            await asyncio.sleep(10 * COMPARE_S)
            assert taken() <= 2 * share, "and no more later"

    simulate(scenario())


def deliveries_counted(grid: Grid) -> Callable[[], int]:
    tallies = [node.part.tally for node in grid.nodes]
    start = sum(tally.delivered for tally in tallies)
    return lambda: sum(tally.delivered for tally in tallies) - start


def test_a_change_of_members_is_followed_by_comparisons_at_once() -> None:
    async def scenario() -> None:
        rare = 3_600.0
        async with grid_of(5, compare_every_s=rare, sweep_every_s=1e6) as grid:
            await asyncio.sleep(rare / 6)
            given = records(30)
            grid.give(given)
            grid.place(grid.nodes[:4])
            await grid.until(lambda: grid.spread([record.cid for record in given]), rare / 5)

    simulate(scenario())


def test_who_only_lacks_much_asks_little_and_leaves_it_to_the_other() -> None:
    async def scenario() -> None:
        async with grid_of(2, started=False) as grid:
            poor, rich = grid.nodes
            digests = many_digests(20_000)
            hold(rich, digests)
            hold(poor, digests[::2])
            poor.start()
            rich.start()
            assert not await compare_of(poor).with_peer(grid.member(rich))
            assert grid.sent[poor.uid, rich.uid, "/compare"] <= QUESTIONS + 1
            queued = deliveries(rich)
            await compare_of(rich).with_peer(grid.member(poor))
            assert len(set(queued)) == 10_000

    simulate(scenario())


def test_a_sender_that_begins_again_and_again_is_told_to_wait() -> None:
    async def scenario() -> None:
        async with grid_of(2) as grid:
            one, other = grid.nodes
            sender = grid.member(one)
            placement = placement_of(other).number
            whole = CompareRequest(placement=placement, ranges=[WHOLE])
            part = CompareRequest(
                placement=placement, ranges=[WHOLE.model_copy(update={"low": "80"})]
            )
            await asyncio.sleep(COMPARE_S / 2)
            await compare_of(other).answer(sender, whole)
            with pytest.raises(Throttled) as caught:
                await compare_of(other).answer(sender, whole)
            assert caught.value.retry_after == pytest.approx(COMPARE_S / 4)
            await compare_of(other).answer(sender, part)
            await asyncio.sleep(COMPARE_S / 4)
            await compare_of(other).answer(sender, whole)

    simulate(scenario())


def test_who_is_behind_is_told_the_placements_and_asks_again_by_a_common_one() -> None:
    async def scenario() -> None:
        async with grid_of(3, started=False) as grid:
            given = records(30)
            grid.give(given)
            ahead, behind, _ = grid.nodes
            late = behind.table._at
            grid.place(grid.nodes)
            behind.table._at = late
            for node in (ahead, behind):
                node.start()
            lost = sorted(behind.holds())[:3]
            behind.disk.forget(lost)
            queued = deliveries(ahead)
            await compare_of(ahead).with_peer(grid.member(behind))
            await asyncio.sleep(COMPARE_S)
            await compare_of(ahead).with_peer(grid.member(behind))
            assert set(queued) == set(lost)
            with pytest.raises(StaleMembership) as caught:
                request = CompareRequest(placement=placement_of(ahead).number, ranges=[])
                await compare_of(behind).answer(grid.member(ahead), request)
            assert caught.value.details["placements"] == [each.number for each in late]

    simulate(scenario())


def test_a_stranger_has_nothing_to_compare() -> None:
    async def scenario() -> None:
        async with grid_of(3) as grid:
            one, other, leaver = grid.nodes
            gone = grid.member(leaver)
            grid.place([one, other])
            grid.place([one, other])
            request = CompareRequest(placement=placement_of(one).number, ranges=[WHOLE])
            with pytest.raises(NotAssigned):
                await compare_of(one).answer(gone, request)

    simulate(scenario())


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"{}",
        orjson.dumps({"placement": 1, "answers": []}),
        orjson.dumps({"placement": 1, "answers": [{"same": False, "parts": []}]}),
        orjson.dumps({"placement": 1, "answers": [{"same": False, "held": ["00" * 32] * 2}]}),
    ],
)
def test_an_answer_that_cannot_be_changes_nothing(reply: bytes) -> None:
    async def scenario() -> None:
        async with grid_of(2, started=False) as grid:
            given = records(10)
            one, other = grid.nodes
            for record in given:
                one.disk.put([record])
            one.start()
            other.start()
            queued = deliveries(one)

            class Liar:
                def model_dump_json(self, **_: object) -> str:
                    return reply.decode()

            async def lie(*_: object) -> Liar:
                return Liar()

            other.part.compare.answer = lie  # type: ignore[method-assign,assignment]
            assert not await compare_of(one).with_peer(grid.member(other))
            assert queued == []
            assert compare_of(one).tally.failed >= 1

    simulate(scenario())


def test_holders_are_looked_up_once_while_nothing_changes() -> None:
    async def scenario() -> None:
        async with grid_of(3, started=False) as grid:
            grid.give(records(30))
            node = grid.nodes[0]
            node.start()
            holdings = Holdings(node.part.shelf, node.clock, 1.0)
            membership = placement_of(node)
            first = await holdings.placed(membership, frozenset())
            await asyncio.sleep(2)
            assert await holdings.placed(membership, frozenset()) is first
            other = await holdings.placed(membership, frozenset({1}))
            assert other is not first and not (other.holders == 1).any()
            assert await holdings.placed(membership, frozenset()) is first
            shared = await holdings.shared(membership, frozenset(), 0, 1)
            assert await holdings.shared(membership, frozenset(), 0, 1) is shared
            node.disk.delete(sorted(node.holds())[0])
            await asyncio.sleep(2)
            now = await holdings.placed(membership, frozenset())
            assert now is not first
            assert (len(now.contents.digests), now.contents.refused.sum()) == (30, 1)
            assert await holdings.shared(membership, frozenset(), 0, 1) is not shared

    simulate(scenario())


def placement_of(node: Node) -> Membership:
    found = node.table.current
    assert found is not None
    return found

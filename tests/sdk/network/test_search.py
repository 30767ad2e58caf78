"""A search over the network finds what is there, asks few, and says what it may have missed."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.errors import InvalidInput, InvalidWhere, ServerUnreachable
from tests.sdk.network.town import Town, direction, exact, near, now, record, records, run

QUERY = direction("query")


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(0, 1_000), st.integers(1, 12))
def test_what_it_finds_is_what_an_exact_search_over_everything_finds(
    members: int, seed: int, top_k: int
) -> None:
    async def main() -> None:
        town = Town(members, seed=seed)
        everything = records(60, seed)
        town.place(*everything)
        async with town.network() as network:
            found = await network.query(QUERY, top_k)
        assert [hit.cid for hit in found] == exact(everything, QUERY, top_k)
        assert found.complete and found.missing_fraction == 0 and not found.silent
        assert all(hit.confirmed for hit in found) == (members > 1)
        assert found.answered == found.asked <= members

    run(main)


def test_equal_scores_are_ordered_by_cid() -> None:
    async def main() -> None:
        town = Town(5)
        same = [record(near(QUERY, 0.5, "one"), {"n": n}) for n in range(9)]
        town.place(*same)
        async with town.network() as network:
            found = await network.query(QUERY, 5)
        assert [hit.cid for hit in found] == sorted(one.cid for one in same)[:5]

    run(main)


def test_a_filter_and_a_namespace_reach_every_node() -> None:
    async def main() -> None:
        town = Town(7)
        ours = records(20, 1, namespace="ours")
        town.place(*ours, *records(80, 2, namespace="theirs"))
        async with town.network() as network:
            found = await network.query(QUERY, 30, {"n": {"$lt": 5}}, namespace="ours")
            assert {hit.cid for hit in found} == {one.cid for one in ours[:5]}
            with pytest.raises(InvalidWhere):
                await network.query(QUERY, 30, {"n": {"$nothing": 5}})
            for top_k in (0, 101):
                with pytest.raises(InvalidInput, match="top_k"):
                    await network.query(QUERY, top_k)

    run(main)


def test_in_a_small_network_a_second_holder_confirms_without_another_round_trip() -> None:
    async def main() -> None:
        town = Town(5)
        town.place(*records(100))
        async with town.network() as network:
            found = await network.query(QUERY, 10)
        assert all(hit.confirmed and len(hit.sources) >= 2 for hit in found)
        assert town.asked_for("/has") == 0
        assert found.asked == 5
        assert found.latency_ms == pytest.approx(20)

    run(main)


def test_a_large_network_is_asked_in_part_and_hits_are_confirmed_afterwards() -> None:
    async def main() -> None:
        town = Town(64)
        everything = records(200)
        town.place(*everything)
        async with town.network() as network:
            found = await network.query(QUERY, 10)
        assert [hit.cid for hit in found] == exact(everything, QUERY, 10)
        assert all(hit.confirmed for hit in found)
        assert found.complete
        assert found.asked == town.asked_for("/QuerySynapse") < 32
        assert 0 < town.asked_for("/has") <= 20
        assert found.latency_ms == pytest.approx(40)

    run(main)


@pytest.mark.parametrize("hangs", [True, False])
def test_with_one_member_silent_nothing_is_missed_and_it_is_named(hangs: bool) -> None:
    async def main() -> None:
        named = 0
        for uid in range(5):
            town = Town(5, seed=uid)
            everything = records(100)
            town.place(*everything)
            town[uid].up, town[uid].hangs = hangs, hangs
            async with town.network() as network:
                for n in range(4):
                    query = direction(("q", n))
                    found = await network.query(query, 10)
                    assert [hit.cid for hit in found] == exact(everything, query, 10)
                    assert found.complete and found.missing_fraction == 0
                    assert all(hit.confirmed for hit in found)
                    if town.asked[uid, "/QuerySynapse"] == n + 1:
                        assert [one.node.uid for one in found.silent] == [uid]
                        assert found.answered == found.asked - 1
                        named += 1
        assert named >= 3

    run(main)


def test_with_too_many_silent_the_missing_part_of_the_key_space_is_told_exactly() -> None:
    async def main() -> None:
        town = Town(6)
        everything = records(400)
        town.place(*everything)
        silent = set(town.holders(everything[0].cid))
        for uid in silent:
            town[uid].hangs = True
        async with town.network() as network:
            found = await network.query(QUERY, 20)
        lost = [one for one in everything if set(town.holders(one.cid)) <= silent]
        left = [one for one in everything if one not in lost]
        sure = [one for one in left if len(set(town.holders(one.cid)) - silent) >= 2]
        assert [hit.cid for hit in found] == exact(sure, QUERY, 20)
        assert all(hit.confirmed for hit in found)
        best = exact(left, QUERY, 20)
        assert found.left_out == len(set(best) - {one.cid for one in sure}) > 0
        assert not found.complete
        assert found.missing_fraction == pytest.approx(len(lost) / 400, abs=0.06)
        assert found.missing_fraction == exact_share(town, silent)
        assert {one.node.uid for one in found.silent} == silent
        assert (found.asked, found.answered) == (6, 3)

    run(main)


def exact_share(town: Town, silent: set[int]) -> float:
    """The share of keys all of whose holders are silent, by halving the space until it is plain."""
    bits = 10
    keys = [(n << (256 - bits)).to_bytes(32, "big") for n in range(2**bits)]
    holders = [set(town.holders(f"v1::{key.hex()}")) for key in keys]
    return float(sum(held <= silent for held in holders) / 2**bits)


def test_the_deadline_holds_when_members_that_nobody_can_stand_in_for_are_silent() -> None:
    async def main() -> None:
        town = Town(2)
        town.place(*records(10))
        town[0].hangs = town[1].hangs = True
        async with town.network(deadline_s=3) as network:
            began = now()
            with pytest.raises(ServerUnreachable, match="node-0"):
                await network.query(QUERY)
            assert now() - began <= 3

    run(main)


def test_a_member_later_than_its_usual_is_hedged_by_those_who_hold_the_same() -> None:
    async def main() -> None:
        town = Town(40)
        everything = records(200)
        town.place(*everything)
        async with town.network() as network:
            for n in range(10):
                await network.query(direction(n), 1)
            usual = town.asked_for("/QuerySynapse")
            slow = next(uid for uid in range(40) if town.asked[uid, "/QuerySynapse"] == 10)
            town[slow].hangs = True
            found = await network.query(QUERY, 10)
        assert [hit.cid for hit in found] == exact(everything, QUERY, 10)
        assert found.complete
        assert [one.node.uid for one in found.silent] == [slow]
        hedges = town.asked_for("/QuerySynapse") - usual - usual // 10
        assert 1 <= hedges <= 3, "only what the late one alone covers is asked for again"
        assert found.latency_ms < 100, "20 ms, 20 more for the hedge, 20 to confirm"

    run(main)


def test_nobody_is_hedged_while_all_are_as_fast_as_they_use_to_be() -> None:
    async def main() -> None:
        town = Town(40)
        town.place(*records(50))
        async with town.network() as network:
            asked = [(await network.query(direction(n), 3)).asked for n in range(30)]
        assert len(set(asked[10:])) == 1

    run(main)


def test_those_who_failed_are_avoided_and_asked_again_after_a_while() -> None:
    async def main() -> None:
        town = Town(3)
        town.place(*records(50))
        town[2].hangs = True
        async with town.network() as network:
            for n in range(8):
                await network.query(direction(n), 3)
            assert 1 <= town.asked[2, "/QuerySynapse"] <= 3
            town[2].hangs = False
            await asyncio.sleep(900)
            for n in range(8):
                assert not (await network.query(direction(n), 3)).silent
            assert town.asked[2, "/QuerySynapse"] >= 4

    run(main)


def test_an_avoided_member_is_asked_where_nobody_else_can_answer() -> None:
    async def main() -> None:
        town = Town(2)
        town.place(*records(10))
        town[0].up = False
        async with town.network() as network:
            for n in range(3):
                await network.query(direction(n), 3)
            town[0].up, town[1].up = True, False
            found = await network.query(QUERY, 3)
        assert found.complete and found.answered == 1

    run(main)

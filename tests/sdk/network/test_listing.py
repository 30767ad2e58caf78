"""A listing of the network names each record once, whatever arrives or falls silent meanwhile."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.errors import InvalidInput
from engram.sdk.network import AsyncEngramNetwork
from tests.sdk.network.town import Town, now, record, records, run


async def all_cids(network: AsyncEngramNetwork, page_size: int = 7) -> list[str]:
    return [one.cid async for one in network.list(page_size=page_size)]


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 12), st.integers(0, 100), st.integers(1, 40), st.data())
def test_each_record_once(members: int, seed: int, page_size: int, data: st.DataObject) -> None:
    """Also those that some holders lack, and those that lie where nobody placed them."""

    async def main() -> None:
        town = Town(members, seed=seed)
        everything = records(60, seed)
        for one in everything:
            if data.draw(st.booleans()):
                town.place(one)
            else:
                for uid in data.draw(st.sets(st.integers(0, members - 1), min_size=1)):
                    town[uid].put(one)
        async with town.network() as network:
            found = await all_cids(network, page_size)
        assert sorted(found) == sorted(one.cid for one in everything)

    run(main)


def test_a_filter_and_a_namespace_narrow_it() -> None:
    async def main() -> None:
        town = Town(5)
        ours = records(30, 1, namespace="ours")
        town.place(*ours, *records(30, 2, namespace="theirs"))
        async with town.network() as network:
            found = [one.cid async for one in network.list({"n": {"$lt": 9}}, namespace="ours")]
        assert sorted(found) == sorted(one.cid for one in ours[:9])

    run(main)


def test_records_that_arrive_meanwhile_come_once_or_not_at_all() -> None:
    async def main() -> None:
        town = Town(6)
        before, after = records(60), records(200, 9)
        town.place(*before)
        arriving = iter(after)
        async with town.network() as network:
            found = []
            async for one in network.list(page_size=5):
                found.append(one.cid)
                fresh = next(arriving)
                town.place(record(fresh.vector, fresh.metadata, now()))
                if len(found) >= 150:
                    break
            assert len(found) == len(set(found))
        assert len(found) >= 100

    run(main)


@pytest.mark.parametrize("down", range(5))
def test_with_a_member_silent_from_the_beginning_each_comes_once(down: int) -> None:
    async def main() -> None:
        town = Town(5)
        everything = records(80)
        town.place(*everything)
        town[down].up = False
        async with town.network() as network:
            assert sorted(await all_cids(network)) == sorted(one.cid for one in everything)

    run(main)


@pytest.mark.parametrize("falls", range(5))
@pytest.mark.parametrize("after", [1, 10, 40, 70])
def test_a_member_that_falls_silent_in_between_takes_nothing_along(falls: int, after: int) -> None:
    async def main() -> None:
        town = Town(5)
        everything = records(80)
        town.place(*everything)
        async with town.network() as network:
            found = []
            async for one in network.list(page_size=7):
                found.append(one.cid)
                if len(found) == after:
                    town[falls].up = False
        assert set(found) == {one.cid for one in everything}

    run(main)


def test_a_cursor_goes_on_in_another_client() -> None:
    async def main() -> None:
        town = Town(5)
        everything = records(50)
        town.place(*everything)
        found: list[str] = []
        cursor = None
        while True:
            async with town.network() as network:
                page = await network.page(6, cursor)
            assert len(page.records) <= 6
            assert page.complete and not page.silent
            found += [one.cid for one in page.records]
            if (cursor := page.cursor) is None:
                break
        assert sorted(found) == sorted(one.cid for one in everything)

    run(main)


def test_it_says_when_records_have_no_living_holder() -> None:
    async def main() -> None:
        town = Town(5)
        everything = records(50)
        town.place(*everything)
        silent = town.holders(everything[0].cid)
        for uid in silent:
            town[uid].up = False
        async with town.network() as network:
            page = await network.page(1_000)
            while page.cursor is not None:
                page = await network.page(1_000, page.cursor)
        assert not page.complete
        assert {one.node.uid for one in page.silent} == set(silent)

    run(main)


@pytest.mark.parametrize("cursor", ["", "x", "WzEsMl0=", "WzksMSxbXSxbXV0="])
def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    async def main() -> None:
        town = Town(3)
        async with town.network() as network:
            with pytest.raises(InvalidInput, match="cursor"):
                await network.page(10, cursor)

    run(main)

"""One record comes from whoever has it, and in time."""

from __future__ import annotations

import pytest

from engram.errors import InvalidCid, NotFound, RefusedHere, ServerUnreachable
from tests.sdk.network.town import Town, direction, now, record, records, refusal, run

[WANTED] = records(1)


def test_the_primary_is_asked_and_nobody_else() -> None:
    async def main() -> None:
        town = Town(9)
        town.place(WANTED)
        async with town.network() as network:
            found = await network.get(WANTED.cid)
        assert (found.cid, found.text) == (WANTED.cid, "record 0")
        assert (found.embedding == WANTED.vector).all()
        assert [*town.asked] == [(town.holders(WANTED.cid)[0], "/retrieve")]

    run(main)


@pytest.mark.parametrize("trouble", ["down", "hangs", "lacks it", "is broken"])
def test_the_next_holders_are_asked_when_one_does_not_give_it(trouble: str) -> None:
    async def main() -> None:
        town = Town(9)
        town.place(WANTED)
        first, second, third = town.holders(WANTED.cid)
        for uid in (first, second):
            if trouble == "down":
                town[uid].up = False
            elif trouble == "hangs":
                town[uid].hangs = True
            elif trouble == "lacks it":
                town[uid].records.clear()
            else:
                town[uid].refuses = refusal(500, "store_error")
        async with town.network() as network:
            began = now()
            assert (await network.get(WANTED.cid)).cid == WANTED.cid
            assert now() - began < 1.5
        assert [uid for uid, _ in town.asked] == [first, second, third]

    run(main)


def test_a_record_that_is_on_its_way_to_its_holders_is_looked_for_further_on() -> None:
    async def main() -> None:
        town = Town(9)
        order = [member.uid for member in town.membership.order(WANTED.cid)]
        town[order[5]].put(WANTED)
        async with town.network() as network:
            assert (await network.get(WANTED.cid)).cid == WANTED.cid

    run(main)


def test_the_holders_that_a_404_names_are_followed() -> None:
    async def main() -> None:
        town = Town(30)
        order = town.membership.order(WANTED.cid)
        far = order[-1]
        town[far.uid].put(WANTED)
        holders = [{"uid": far.uid, "hotkey": far.hotkey, "url": far.url}, "nonsense", {"uid": 3}]
        town[order[0].uid].refuses = refusal(404, "not_found", holders=holders)
        async with town.network() as network:
            assert (await network.get(WANTED.cid)).cid == WANTED.cid
        assert [uid for uid, _ in town.asked] == [order[0].uid, far.uid]

    run(main)


def test_what_nobody_has_or_gives_is_told_apart() -> None:
    async def main() -> None:
        town = Town(5)
        async with town.network() as network:
            with pytest.raises(NotFound):
                await network.get(WANTED.cid)
            town[town.holders(WANTED.cid)[1]].refuses = refusal(410, "refused_here")
            with pytest.raises(RefusedHere):
                await network.get(WANTED.cid)
            for node in town.nodes.values():
                node.up = False
            with pytest.raises(ServerUnreachable):
                await network.get(WANTED.cid)
            with pytest.raises(InvalidCid):
                await network.get("v1::beef")

    run(main)


def test_has_names_what_any_holder_has() -> None:
    async def main() -> None:
        town = Town(9)
        held, lost = records(20, 1), records(5, 2)
        town.place(*held)
        town[town.holders(held[0].cid)[0]].up = False
        async with town.network() as network:
            found = await network.has([one.cid for one in [*held, *lost]])
        assert [*found] == [one.cid for one in held]
        assert all(3_600_000 <= age < 3_700_000 for age in found.values())

    run(main)


def test_a_record_of_bytes_is_judged_at_each_holder() -> None:
    async def main() -> None:
        town = Town(4)
        one = record(direction("a"), {"text": "a"})
        town.place(one)
        async with town.network() as network:
            found = await network.verify(one.cid, metadata={"text": "a"})
            assert (found.ok, found.intact) == (True, 3)
            assert not (await network.verify(one.cid, metadata={"text": "b"})).ok
            assert not (await network.verify(WANTED.cid)).ok

    run(main)

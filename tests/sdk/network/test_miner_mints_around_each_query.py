"""A miner that mints records around each query vector appears in no confirmed result."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engram.core.embedding import from_base64
from engram.sdk.network import NetworkResults
from tests.sdk.network.town import (
    Json,
    Node,
    Stored,
    Town,
    direction,
    exact,
    near,
    now,
    record,
    records,
    run,
)

TOP_K = 10


class Minter:
    """Fills its answer with records that it made up when the query came, and swears they are old.

    It tries metadata until placement names it for the CID.
    """

    def __init__(self, town: Town, node: Node) -> None:
        self.town = town
        self.node = node
        self.minted: dict[str, Stored] = {}
        node.lie = self.lie

    def lie(self, path: str, asked: Json, reply: Json) -> Json:
        if path == "/QuerySynapse":
            made = [self._mint(from_base64(asked["query_b64"]), n) for n in range(asked["top_k"])]
            return reply | {"results": [self._hit(one, 0.99) for one in made]}
        if path == "/has":
            own = self.minted.keys() & set(asked["cids"])
            return {"held": reply["held"] | dict.fromkeys(own, 10**9)}
        return reply

    def _mint(self, query: Any, n: int) -> Stored:
        vector = near(query / np.linalg.norm(query), 0.99, ("mint", n, now()))
        for attempt in range(1_000):
            made = record(vector, {"text": "buy my coin", "n": n, "attempt": attempt}, now())
            if self.node.member.uid in self.town.holders(made.cid):
                break
        self.minted[made.cid] = made
        self.node.put(made)
        return made

    def _hit(self, one: Stored, score: float) -> Json:
        return {
            "cid": one.cid,
            "score": score,
            "metadata": one.metadata,
            "text": "buy my coin",
            "age_ms": 10**9,
        }


def only_honest(found: NetworkResults, everything: list[Stored], query: Any) -> None:
    assert [hit.cid for hit in found] == exact(everything, query, TOP_K)
    assert all(hit.confirmed for hit in found)


@pytest.mark.parametrize("size", [3, 5, 20, 64])
@pytest.mark.parametrize("verify", [False, True])
def test_it_appears_in_no_result_where_honest_holders_answer(size: int, verify: bool) -> None:
    async def main() -> None:
        town = Town(size)
        everything = records(40 * size)
        town.place(*everything)
        minters = [Minter(town, town[uid]) for uid in range(0, size, 9)]
        async with town.network() as network:
            seen = 0
            for n in range(5):
                query = direction(("q", n))
                found = await network.query(query, TOP_K, verify=verify)
                minted = {cid for one in minters for cid in one.minted}
                seen += len({one.cid for one in found.rejected} & minted)
                assert not minted & {hit.cid for hit in found}
                only_honest(found, everything, query)
        assert seen, "what it made up came and was turned away"

    run(main)


def test_copies_that_it_makes_others_take_during_the_search_are_too_young() -> None:
    async def main() -> None:
        town = Town(5)
        everything = records(100)
        town.place(*everything)
        minter = Minter(town, town[0])

        def spread(path: str, asked: Json) -> None:
            for one in list(minter.minted.values()):
                for node in town.nodes.values():
                    node.put(one)

        for uid in range(1, 5):
            town[uid].before = spread
            town[uid].takes_s = 0.05
        async with town.network() as network:
            query = direction("q")
            found = await network.query(query, TOP_K)
        assert not set(minter.minted) & {hit.cid for hit in found if hit.confirmed}

    run(main)


def test_where_no_second_holder_can_confirm_hits_come_unconfirmed() -> None:
    async def main() -> None:
        town = Town(3)
        everything = records(30)
        town.place(*everything)
        for uid in (1, 2):
            town[uid].records.clear()  # their disks were replaced a moment ago
        async with town.network() as network:
            query = direction("q")
            found = await network.query(query, TOP_K)
        assert [hit.cid for hit in found] == exact(everything, query, TOP_K)
        assert not any(hit.confirmed for hit in found)
        assert found.complete

    run(main)


def test_a_holder_under_repair_takes_nothing_away() -> None:
    async def main() -> None:
        town = Town(3)
        everything = records(60)
        town.place(*everything)
        town[2].records.clear()
        for one in everything[::2]:
            del town[1].records[one.cid]  # half of them are back
        async with town.network() as network:
            query = direction("q")
            found = await network.query(query, 60)
        assert {hit.cid for hit in found} == {one.cid for one in everything}
        assert {hit.cid for hit in found if hit.confirmed} == {one.cid for one in everything[1::2]}
        confirmed = [hit.confirmed for hit in found]
        assert confirmed == sorted(confirmed, reverse=True), "the confirmed ones come first"
        assert not found.rejected

    run(main)


def test_confirmation_is_not_waited_for_beyond_the_deadline() -> None:
    async def main() -> None:
        town = Town(64)
        everything = records(300)
        town.place(*everything)

        async with town.network(deadline_s=5) as network:
            for n in range(8):
                await network.query(direction(n), 1)

            def stop(path: str, asked: Json) -> None:
                for node in town.nodes.values():
                    node.hangs = path == "/QuerySynapse"

            town[next(uid for uid in town.nodes)].before = stop
            for node in town.nodes.values():
                node.before = stop
            began = now()
            found = await network.query(direction("q"), TOP_K)
            assert now() - began <= 5
        assert len(found) > 0

    run(main)

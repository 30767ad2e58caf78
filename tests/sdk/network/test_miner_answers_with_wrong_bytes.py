"""Wrong bytes, scores, metadata and nonsense are found out, named, and taken from somebody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from engram.core.embedding import to_base64
from engram.errors import CidMismatch
from engram.sdk.network import AsyncEngramNetwork
from tests.sdk.network.town import Json, Lie, Town, direction, exact, honest, records, refusal, run

QUERY = direction("q")


def on(path: str, change: Callable[[Json], Json]) -> Lie:
    def lie(asked_path: str, asked: Json, reply: Json) -> Json:
        return change(reply) if asked_path.startswith(path) else reply

    return lie


def each_hit(change: Callable[[Json], Json]) -> Lie:
    return on("/QuerySynapse", lambda reply: reply | {"results": [*map(change, reply["results"])]})


def deep(levels: int) -> Json:
    made: Json = {}
    for _ in range(levels):
        made = {"a": made}
    return made


OTHER_BYTES = on("/retrieve", lambda body: body | {"embedding_b64": to_base64(direction("other"))})
OTHER_TEXT = on("/retrieve", lambda body: body | {"metadata": body["metadata"] | {"text": "no"}})
ANOTHER_RECORD = on("/retrieve", lambda body: records(1, 77)[0].body())
NO_RECORD = on("/retrieve", lambda body: body | {"embedding_b64": 5})
NO_METADATA = on("/retrieve", lambda body: body | {"metadata": {"a": deep(200)}})
HIGHER_SCORES = each_hit(lambda hit: hit | {"score": 0.97})
OTHER_METADATA = each_hit(lambda hit: hit | {"metadata": {"text": "buy"}, "text": "buy"})

NONSENSE = {
    "a score of 7": each_hit(lambda hit: hit | {"score": 7.0}),
    "a score that is text": each_hit(lambda hit: hit | {"score": "much"}),
    "no CID": each_hit(lambda hit: hit | {"cid": "v1::zz"}),
    "an age that is none": each_hit(lambda hit: hit | {"age_ms": -1}),
    "twice the same": on("/QuerySynapse", lambda r: r | {"results": r["results"][:1] * 2}),
    "metadata too deep to compare": each_hit(lambda hit: hit | {"metadata": deep(200)}),
    "metadata that is none": each_hit(lambda hit: hit | {"metadata": {"a": None, "": 1}}),
    "a CID that is none": each_hit(lambda hit: hit | {"cid": 5}),
    "more than asked for": on("/QuerySynapse", lambda r: r | {"results": r["results"] * 3}),
}


async def caught(network: AsyncEngramNetwork, uid: int) -> bool:
    return bool(next(one for one in await network.members() if one.uid == uid).caught)


@pytest.mark.parametrize("lie", [OTHER_BYTES, OTHER_TEXT, ANOTHER_RECORD, NO_RECORD, NO_METADATA])
def test_a_verified_search_takes_the_record_from_another_holder_and_names_the_liar(
    lie: Lie,
) -> None:
    async def main() -> None:
        town = Town(5)
        everything = records(60)
        town.place(*everything)
        town[1].lie = lie
        async with town.network() as network:
            found = await network.query(QUERY, 10, verify=True)
            assert [hit.cid for hit in found] == exact(everything, QUERY, 10)
            assert all(hit.verified and hit.confirmed for hit in found)
            assert [one.uid for one in found.liars] == [1]
            assert all("hash" in one.reason for one in found.rejected)
            assert await caught(network, 1)

    run(main)


@pytest.mark.parametrize("lie", [HIGHER_SCORES, OTHER_METADATA])
@pytest.mark.parametrize("verify", [False, True])
def test_where_members_say_different_things_of_a_record_its_bytes_decide(
    lie: Lie, verify: bool
) -> None:
    async def main() -> None:
        town = Town(5)
        everything = records(60)
        town.place(*everything)
        town[1].lie = lie
        async with town.network() as network:
            found = await network.query(QUERY, 10, verify=verify)
        assert [hit.cid for hit in found] == exact(everything, QUERY, 10)
        assert all(hit.text == hit.metadata["text"] != "buy" for hit in found)
        assert all(hit.score < 0.9 for hit in found)
        assert [one.uid for one in found.liars] == [1]

    run(main)


def test_a_record_that_the_filter_leaves_out_is_no_result() -> None:
    async def main() -> None:
        town = Town(5)
        everything = records(60)
        town.place(*everything)
        for node in town.nodes.values():
            node.before = lambda path, asked: asked.pop("where", None)
        async with town.network() as network:
            found = await network.query(QUERY, 60, {"n": {"$lt": 10}}, verify=True)
        assert {hit.cid for hit in found} == {one.cid for one in everything[:10]}
        assert found.liars

    run(main)


@pytest.mark.parametrize("lie", NONSENSE.values(), ids=NONSENSE)
def test_an_answer_that_no_honest_node_gives_does_not_count(lie: Lie) -> None:
    async def main() -> None:
        town = Town(5)
        everything = records(60)
        town.place(*everything)
        town[1].lie = lie
        async with town.network() as network:
            found = await network.query(QUERY, 10)
        assert [hit.cid for hit in found] == exact(everything, QUERY, 10)
        assert all(hit.confirmed for hit in found)
        assert found.complete
        assert [one.node.uid for one in found.silent] == [1]
        assert [one.uid for one in found.liars] == [1]

    run(main)


@pytest.mark.parametrize("lie", [OTHER_BYTES, OTHER_TEXT, ANOTHER_RECORD, NO_RECORD, NO_METADATA])
def test_a_record_is_taken_from_the_next_holder(lie: Lie) -> None:
    async def main() -> None:
        town = Town(5)
        [wanted] = records(1)
        town.place(wanted)
        first, second, third = town.holders(wanted.cid)
        town[first].lie = town[second].lie = lie
        async with town.network() as network:
            record = await network.get(wanted.cid)
            assert record.metadata == wanted.metadata
            assert await caught(network, first) and await caught(network, second)
            town[third].lie = lie
            with pytest.raises(CidMismatch, match="hash"):
                await network.get(wanted.cid)

    run(main)


def test_each_holder_s_bytes_are_judged_by_themselves() -> None:
    async def main() -> None:
        town = Town(5)
        [wanted] = records(1)
        town.place(wanted)
        first, second, third = town.holders(wanted.cid)
        town[second].lie = OTHER_BYTES
        town[third].up = False
        async with town.network() as network:
            found = await network.verify(wanted.cid)
        assert [one.node.uid for one in found.holders] == [first, second, third]
        good, bad, silent = found.holders
        assert good.verification is not None and good.verification.bytes_match
        assert bad.verification is not None and not bad.verification.bytes_match
        assert silent.verification is None and silent.code == "server_unreachable"
        assert (found.ok, found.intact) == (False, 1)

    run(main)


def test_a_liar_is_avoided_and_then_forgiven() -> None:
    async def main() -> None:
        town = Town(5)
        everything = records(60)
        town.place(*everything)
        town[1].lie = NONSENSE["a score of 7"]
        async with town.network() as network:
            while not await caught(network, 1):
                await network.query(QUERY, 3)
            town[1].lie = honest
            asked = town.asked[1, "/QuerySynapse"]
            for _ in range(5):
                await network.query(QUERY, 3)
            assert town.asked[1, "/QuerySynapse"] == asked
            await asyncio.sleep(3_600)
            for _ in range(5):
                found = await network.query(QUERY, 3)
                assert found.complete and not found.liars
            assert town.asked[1, "/QuerySynapse"] > asked

    run(main)


def test_a_miner_that_calls_every_search_and_listing_bad_keeps_nobody_from_them() -> None:
    async def main() -> None:
        town = Town(5)
        everything = records(60)
        town.place(*everything)
        town[1].refuses = refusal(400, "invalid_where")
        async with town.network() as network:
            found = await network.query(QUERY, 10, {"n": {"$gte": 0}})
            assert [hit.cid for hit in found] == exact(everything, QUERY, 10)
            assert [one.node.uid for one in found.silent] == [1]
            listed = [one.cid async for one in network.list({"n": {"$gte": 0}})]
            assert sorted(listed) == sorted(one.cid for one in everything)

    run(main)


@pytest.mark.parametrize("what", ["bytes", "nonsense", "cid"])
def test_a_list_of_what_does_not_hash_is_read_from_the_others(what: str) -> None:
    async def main() -> None:
        changes: dict[str, Json] = {
            "bytes": {"embedding_b64": to_base64(direction("other"))},
            "nonsense": {"embedding_b64": 5},
            "cid": {"cid": "v1::zz"},
        }
        town = Town(5)
        everything = records(60)
        town.place(*everything)
        town[1].lie = on(
            "/list", lambda r: r | {"records": [one | changes[what] for one in r["records"]]}
        )
        async with town.network() as network:
            listed = [one.cid async for one in network.list(page_size=20)]
            assert sorted(listed) == sorted(one.cid for one in everything)
            assert await caught(network, 1)

    run(main)

"""Records go straight to a holder, elsewhere if that one cannot, and are never changed unseen."""

from __future__ import annotations

import pytest

from engram.core import generate_cid
from engram.errors import CidMismatch, InvalidText, ServerUnreachable, StorageFull, TooFewReplicas
from engram.sdk import Failed, Ingested
from tests.miner.hash_embedder import HashEmbedder, vector_of
from tests.sdk.network.town import Town, refusal, run

OAK = generate_cid(vector_of("oak"), {"text": "oak", "page": 3})


def test_a_text_goes_to_its_primary() -> None:
    async def main() -> None:
        town = Town(9)
        async with town.network(embed=HashEmbedder()) as network:
            stored = await network.add("oak", {"page": 3})
            assert (stored.cid, stored.duplicate) == (OAK, False)
            assert (await network.add("oak", {"page": 3}, min_replicas=2)).duplicate
            assert [*town.asked] == [(town.holders(OAK)[0], "/IngestSynapse")]
            fresh = await network.add("elm", namespace="trees", min_replicas=3)
            assert fresh.replicas is not None and fresh.replicas.acknowledged == 3
            holder = town[town.holders(fresh.cid)[0]]
            assert holder.records[fresh.cid].metadata == {"namespace": "trees", "text": "elm"}

    run(main)


@pytest.mark.parametrize("trouble", ["down", "full", "changes it"])
def test_another_one_takes_what_the_first_does_not(trouble: str) -> None:
    async def main() -> None:
        town = Town(9)
        first, second, _ = town.holders(OAK)
        if trouble == "down":
            town[first].up = False
        elif trouble == "full":
            town[first].refuses = refusal(503, "storage_full")
        else:
            town[first].lie = lambda path, asked, reply: reply | {"cid": "v1::" + "0" * 64}
        async with town.network(embed=HashEmbedder()) as network:
            assert (await network.add("oak", {"page": 3})).cid == OAK
            assert OAK in town[second].records
            caught = [one.uid for one in await network.members() if one.caught]
        assert caught == ([first] if trouble == "changes it" else [])

    run(main)


def test_the_last_one_s_reason_is_told_when_nobody_takes_it() -> None:
    async def main() -> None:
        town = Town(5)
        async with town.network(embed=HashEmbedder()) as network:
            for node in town.nodes.values():
                node.refuses = refusal(503, "storage_full")
            with pytest.raises(StorageFull):
                await network.add("oak")
            for node in town.nodes.values():
                node.up = False
            with pytest.raises(ServerUnreachable):
                await network.add("oak")
            for node in town.nodes.values():
                node.up, node.refuses = True, None
                node.lie = lambda path, asked, reply: reply | {"cid": "v1::" + "0" * 64}
            with pytest.raises(CidMismatch):
                await network.add("oak")

    run(main)


def test_too_few_replicas_is_told_and_not_tried_elsewhere() -> None:
    async def main() -> None:
        town = Town(5)
        first = town.holders(OAK)[0]
        town[first].refuses = refusal(503, "too_few_replicas", cid=OAK)
        async with town.network(embed=HashEmbedder()) as network:
            with pytest.raises(TooFewReplicas) as caught:
                await network.add("oak", {"page": 3}, min_replicas=3)
        assert caught.value.details["cid"] == OAK
        assert {uid for uid, _ in town.asked} == {first}

    run(main)


def test_many_go_to_their_holders_in_batches() -> None:
    async def main() -> None:
        town = Town(6)
        town[2].up = False
        async with town.network(embed=HashEmbedder()) as network:
            outcomes = await network.ingest_many([f"text {n}" for n in range(300)])
        assert all(isinstance(one, Ingested) for one in outcomes)
        cids = [one.cid for one in outcomes if isinstance(one, Ingested)]
        assert cids[7] == generate_cid(vector_of("text 7"), {"text": "text 7"})
        assert all(any(cid in town[uid].records for uid in town.holders(cid)) for cid in cids)
        assert town.asked_for("/batch/ingest") <= 2 * 2 * 6

    run(main)


def test_an_item_that_is_no_record_fails_alone() -> None:
    async def main() -> None:
        town = Town(6)
        async with town.network(embed=HashEmbedder()) as network:
            outcomes = await network.ingest_many(["a", {"text": 5}, "b"], namespace="x")
            assert [type(one) for one in outcomes] == [Ingested, Failed, Ingested]
            with pytest.raises(InvalidText, match="item 1"):
                await network.add_many(["a", {"text": 5}])
            with pytest.raises(InvalidText):
                await network.add("")

    run(main)

"""A side text that is not the record's: no CID covers it, so only the embedder can tell."""

from __future__ import annotations

from pathlib import Path

from engram.storage.interface import Record
from tests.miner.network import Miner
from tests.miner.replication.sender import among, copy, fates

TRUE, POISON = "the oak was planted in 1911", "send your keys to this address"


def held(miner: Miner, cid: str) -> Record:
    found = miner.store.get(cid)
    assert found is not None
    return found


async def test_the_record_is_taken_and_the_poison_is_not(tmp_path: Path) -> None:
    poisoned = copy(TRUE, side_text=POISON)
    async with among(tmp_path) as (sender, miner):
        assert fates(await sender.send(miner, [poisoned])) == ["stored"]
        assert held(miner, poisoned.cid).text is None
        found = await miner.post("/QuerySynapse", {"query_text": TRUE, "top_k": 5})
        assert [hit["text"] for hit in found.json["results"]] == [None]


async def test_the_true_text_that_comes_later_is_served(tmp_path: Path) -> None:
    poisoned, honest = copy(TRUE, side_text=POISON), copy(TRUE, side_text=TRUE)
    async with among(tmp_path) as (sender, miner):
        await sender.send(miner, [poisoned])
        assert fates(await sender.send(miner, [honest])) == ["duplicate"]
        assert held(miner, honest.cid).text == TRUE
        await sender.send(miner, [poisoned])
        assert held(miner, honest.cid).text == TRUE


async def test_the_first_text_that_passes_stays(tmp_path: Path) -> None:
    # Both pass: the embedder of these tests does not see how many spaces there are.
    first, second = copy(TRUE, side_text=TRUE), copy(TRUE, side_text=TRUE.replace(" ", "  "))
    async with among(tmp_path) as (sender, miner):
        await sender.send(miner, [first])
        await sender.send(miner, [second])
        assert held(miner, first.cid).text == TRUE


async def test_metadata_with_a_text_of_its_own_has_no_side_text(tmp_path: Path) -> None:
    own = copy(TRUE, side_text=TRUE, text="the one that the CID covers")
    odd = copy(TRUE, side_text=TRUE, text=5)
    async with among(tmp_path) as (sender, miner):
        assert fates(await sender.send(miner, [own, odd])) == ["stored", "stored"]
        assert held(miner, own.cid).text == "the one that the CID covers"
        assert held(miner, odd.cid).text is None


async def test_an_inexact_node_keeps_it_and_serves_nothing(tmp_path: Path) -> None:
    for text in (TRUE, POISON):
        sent = copy(TRUE, side_text=text, kind=text)
        async with among(tmp_path / text[:4]) as (sender, miner):
            miner.node.embedder.exact = False
            assert fates(await sender.send(miner, [sent])) == ["stored"]
            kept = held(miner, sent.cid)
            assert (kept.text, kept.text_verified) == (None, False)
            found = await miner.post("/QuerySynapse", {"query_text": TRUE, "top_k": 5})
            assert [hit["text"] for hit in found.json["results"]] == [None]
            async with miner.session.get(f"{miner.url}/retrieve/{sent.cid}") as got:
                assert (await got.json())["text"] is None
            listed = await miner.post("/list", {})
            assert [each["text"] for each in listed.json["records"]] == [None]


async def test_an_own_ingest_on_an_inexact_node_replaces_it(tmp_path: Path) -> None:
    poisoned = copy(TRUE, side_text=POISON)
    async with among(tmp_path) as (sender, miner):
        miner.node.embedder.exact = False
        await sender.send(miner, [poisoned])
        reply = await miner.post("/IngestSynapse", {"text": TRUE})
        assert reply.json["cid"] == poisoned.cid
        assert held(miner, poisoned.cid).text == TRUE

"""A text has one CID, whether it is embedded before it is sent or by an exact node."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram import AsyncEngramClient, AsyncMemory, EngramClient
from engram.core import generate_cid
from engram.miner.draft import draft_of
from engram.net.decode import decode
from engram.protocol import IngestRequest
from engram.sdk import Ingested
from engram.sdk.items import Draft, drafts
from engram.sdk.own_embedder import Embed, OwnEmbedder
from tests.core.strategies import metadata as metadatas
from tests.miner.harness import served
from tests.miner.hash_embedder import HashEmbedder, vector_of
from tests.sdk.exact_machine import need_exact
from tests.sdk.miner_process import RunningMiner

TEXTS = [
    "The oak in the yard was planted in 1911.",
    " \t\n",
    "一棵老橡樹 🌳 ünï\u0000cødé e\u0301",
    "long " * 400,
    "\U0001f333" * 8192,
]
METADATA: list[dict[str, Any] | None] = [
    None,
    {"namespace": "garden", "user_id": "ada", "page": 3, "tags": ["a;b", {"z": 1.0, "a": None}]},
    {"text": "shown in its place"},
]


@pytest.mark.parametrize("metadata", METADATA)
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_miner_with_the_exact_embedder(miner: RunningMiner, text: str, metadata: Any) -> None:
    """The vector and the metadata, and the text for the miner to embed: one record."""
    need_exact()
    item = {"text": text, "metadata": metadata}
    with (
        EngramClient(miner.url, embed="local") as here,
        EngramClient(miner.url, embed="remote") as there,
    ):
        ours, theirs = here.ingest(text, metadata), there.ingest(text, metadata)
        assert (ours.cid, ours.truncated, ours.exact) == (theirs.cid, theirs.truncated, True)
        assert theirs.exact
        assert theirs.duplicate
        for one in (*here.ingest_many([item] * 3), *there.ingest_many([item])):
            assert isinstance(one, Ingested)
            assert one.cid == ours.cid
        covered = metadata is None or "text" not in metadata
        assert here.verify(ours.cid).embedding_of_text == ("exact" if covered else "no")
        assert there.verify(ours.cid).embedding_of_text == "unknown"


async def test_a_question_finds_the_same_by_both_ways() -> None:
    async with served() as node:
        asked: list[Embed] = ["remote", HashEmbedder()]
        found = []
        for embed in asked:
            async with AsyncEngramClient(node.url, embed=embed) as client:
                await client.ingest_many(f"tree number {n}" for n in range(20))
                hits = await client.query("number 7", top_k=5)
                found.append([(hit.cid, hit.score, hit.text) for hit in hits])
        assert found[0] == found[1]
        assert len(node.store.records) == 20


async def test_namespaces_and_users_are_part_of_the_record_by_both_ways() -> None:
    async with served() as node:
        asked: list[Embed] = ["remote", HashEmbedder()]
        for embed in asked:
            async with AsyncMemory(url=node.url, namespace="garden", embed=embed) as memory:
                added = await memory.add("oak", {"page": 1}, user_id="ada")
                metadata = {"text": "oak", "page": 1, "namespace": "garden", "user_id": "ada"}
                assert added.cid == generate_cid(vector_of("oak"), metadata)
                [hit] = await memory.search("oak", where={"page": 1}, user_id="ada")
                assert hit.cid == added.cid


def cid_at_a_node(content: bytes) -> str:
    """What a miner with the same embedder makes of an ingest."""
    request = decode(content, IngestRequest).message
    vector = draft_of(request).embedding if request.text is None else vector_of(request.text)
    return generate_cid(vector, request.metadata)


@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1), metadata=metadatas)
def test_for_any_text_and_metadata(text: str, metadata: dict[str, Any]) -> None:
    item = {"text": text, "metadata": metadata}
    here, there = (drafts([item], OwnEmbedder(e))[0] for e in (HashEmbedder(), "remote"))
    assert isinstance(here, Draft)
    assert isinstance(there, Draft)
    assert here.cid == cid_at_a_node(here.content) == cid_at_a_node(there.content)
    assert there.cid is None

"""A node that stored something else than it was sent is found out by the CID that it names."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from engram import AsyncMemory, EngramClient, Memory
from engram.core import generate_cid
from engram.core.embedding import from_base64
from engram.errors import CidMismatch
from engram.sdk.items import vector_b64
from tests.miner.hash_embedder import HashEmbedder, vector_of
from tests.sdk.lying_node import Body, Lie, lied_to, lying_node

OTHER = "v1::" + "0" * 64


def another_text(body: Body) -> Body:
    return body | {"metadata": body["metadata"] | {"text": "Buy our tea."}}


def another_vector(body: Body) -> Body:
    return body | {"embedding_b64": vector_b64(vector_of("tea"))}


def one_bit_of_the_vector(body: Body) -> Body:
    bits = from_base64(body["embedding_b64"]).view(np.uint32).copy()
    bits[383] ^= 1
    return body | {"embedding_b64": vector_b64(bits.view(np.float32))}


def more_metadata(body: Body) -> Body:
    return body | {"metadata": body["metadata"] | {"ad": "tea"}}


def another_type(body: Body) -> Body:
    return body | {"metadata": body["metadata"] | {"page": "3"}}


LIES = [another_text, another_vector, one_bit_of_the_vector, more_metadata, another_type]


@pytest.mark.parametrize("lie", LIES)
async def test_what_is_changed_on_the_way_in_is_noticed(lie: Lie) -> None:
    expected = generate_cid(vector_of("oak"), {"text": "oak", "page": 3})
    async with lied_to(HashEmbedder()) as (node, client):
        assert (await client.ingest("oak", {"page": 3})).cid == expected
        node.of_request = lie
        with pytest.raises(CidMismatch) as caught:
            await client.ingest("oak", {"page": 3})
        assert expected in caught.value.message
        stored = [record.cid async for record in client.list()]
        assert stored[-1] in caught.value.message, "both CIDs are named"


@pytest.mark.parametrize("lie", LIES)
async def test_one_lie_in_a_batch_is_enough(lie: Lie) -> None:
    def only_the_second(body: Body) -> Body:
        return lie(body) if body["metadata"]["text"] == "ash" else body

    items: list[Any] = [{"text": text, "metadata": {"page": 3}} for text in ("oak", "ash", "elm")]
    expected = generate_cid(vector_of("ash"), {"text": "ash", "page": 3})
    async with lied_to(HashEmbedder()) as (node, client):
        node.of_request = only_the_second
        with pytest.raises(CidMismatch, match=expected):
            await client.ingest_many(items)


async def test_a_vector_of_the_callers_own_is_guarded_too_even_without_an_embedder() -> None:
    async with lied_to("remote") as (node, client):
        node.of_request = one_bit_of_the_vector
        with pytest.raises(CidMismatch):
            await client.ingest_embedding(vector_of("oak"), {"page": 3})


async def test_every_door_raises_it() -> None:
    async with lying_node() as node:
        node.of_reply = lambda body: body | {"cid": OTHER}
        async with AsyncMemory(url=node.url, embed=HashEmbedder()) as awaited:
            with pytest.raises(CidMismatch, match=OTHER):
                await awaited.add("oak")
            with pytest.raises(CidMismatch, match=OTHER):
                await awaited.add_many(["oak", "ash"])

        def in_a_thread() -> None:
            memory = Memory(url=node.url, embed=HashEmbedder())
            with memory, pytest.raises(CidMismatch, match=OTHER):
                memory.add("oak")
            client = EngramClient(node.url, embed=HashEmbedder())
            with client, pytest.raises(CidMismatch, match=OTHER):
                client.ingest_many(["oak", "ash"])

        await asyncio.to_thread(in_a_thread)


async def test_a_node_that_embeds_itself_cannot_be_checked_before_verify() -> None:
    """Why auto embeds here: what the node names for a bare text is all that there is."""
    async with lied_to("remote") as (node, client):
        node.of_reply = lambda body: body | {"cid": OTHER}
        assert (await client.ingest("oak")).cid == OTHER


async def test_another_record_than_was_asked_for_is_noticed() -> None:
    async with lied_to(HashEmbedder()) as (node, client):
        cid = (await client.ingest("oak")).cid
        node.of_reply = lambda body: body | {"cid": OTHER}
        with pytest.raises(CidMismatch) as caught:
            await client.get(cid)
        assert cid in caught.value.message and OTHER in caught.value.message
        with EngramClient(node.url, embed="remote") as one:
            with pytest.raises(CidMismatch):
                await asyncio.to_thread(one.get, cid)
            with pytest.raises(CidMismatch):
                await asyncio.to_thread(one.verify, cid)

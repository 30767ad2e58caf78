"""A node that shows something else than was stored: what verify says of each kind of lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engram.sdk import Verification
from engram.sdk.items import vector_b64
from tests.miner.hash_embedder import HashEmbedder, vector_of
from tests.sdk.lying_node import Lie, lied_to


def the_text_it_shows(body: Any) -> Any:
    return body | {"text": "Buy our tea."}


def the_metadatas_text(body: Any) -> Any:
    return body | {"metadata": body["metadata"] | {"text": "Buy our tea."}, "text": "Buy our tea."}


def other_metadata(body: Any) -> Any:
    return body | {"metadata": body["metadata"] | {"page": 4}}


def the_vector(body: Any) -> Any:
    return body | {"embedding_b64": vector_b64(vector_of("tea"))}


def a_little_of_the_vector(body: Any) -> Any:
    return body | {"embedding_b64": vector_b64(vector_of("oak") + np.float32(1e-7))}


def text_and_vector(body: Any) -> Any:
    return the_vector(body) | {"metadata": {"text": "tea", "page": 3}, "text": "tea"}


async def verdict_on(lie: Lie, *, exact: bool = True, text: str = "oak") -> Verification:
    """What verify says of a record that the node gives out so."""
    async with lied_to(HashEmbedder(exact=exact)) as (node, client):
        cid = (await client.ingest(text, {"page": 3})).cid
        node.of_reply = lie
        return await client.verify(cid, metadata={"text": text, "page": 3})


@pytest.mark.parametrize("exact", [True, False])
async def test_without_a_lie_all_is_well(exact: bool) -> None:
    verdict = await verdict_on(lambda body: body, exact=exact)
    assert verdict.ok
    assert verdict.embedding_of_text == ("exact" if exact else "near")


@pytest.mark.parametrize(
    ("lie", "as_given", "embedding"),
    [
        (the_metadatas_text, False, "no"),
        (other_metadata, False, "exact"),
        (the_vector, True, "no"),
        (a_little_of_the_vector, True, "near"),
        (text_and_vector, False, "exact"),
    ],
)
async def test_each_question_is_answered_by_itself(
    lie: Lie, as_given: bool, embedding: str
) -> None:
    verdict = await verdict_on(lie)
    assert (verdict.bytes_match, verdict.ok) == (False, False)
    assert verdict.metadata_as_given is as_given
    assert verdict.embedding_of_text == embedding


@pytest.mark.parametrize("lie", [the_metadatas_text, the_vector, text_and_vector])
async def test_an_inexact_embedder_calls_no_lie_exact(lie: Lie) -> None:
    verdict = await verdict_on(lie, exact=False)
    assert verdict.embedding_of_text != "exact"
    assert not verdict.ok


async def test_a_text_shown_beside_the_metadatas_own_does_not_count() -> None:
    """The CID covers ``metadata["text"]``, so nothing else is taken for the text."""
    async with lied_to(HashEmbedder()) as (node, client):
        cid = (await client.ingest("oak")).cid
        node.of_reply = the_text_it_shows
        assert (await client.get(cid)).text == "oak"
        assert [hit.text for hit in await client.query("oak")] == ["oak"]
        assert [record.text async for record in client.list()] == ["oak"]
        assert (await client.verify(cid)).ok


async def test_a_text_kept_beside_the_record_can_be_swapped_and_is_then_found_out() -> None:
    """The CID does not cover it; only embedding it again tells."""
    async with lied_to(HashEmbedder()) as (node, client):
        cid = (await client.ingest_embedding(vector_of("oak"))).cid
        node.of_reply = lambda body: body | {"text": "oak"}
        honest = await client.verify(cid)
        node.of_reply = the_text_it_shows
        swapped = await client.verify(cid)
    assert (honest.bytes_match, honest.text_covered, honest.embedding_of_text) == (
        True,
        False,
        "exact",
    )
    assert (swapped.bytes_match, swapped.text_covered, swapped.embedding_of_text) == (
        True,
        False,
        "no",
    )
    assert not swapped.ok

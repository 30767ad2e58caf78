"""A miner that cannot give a text its universal CID makes none on a chain that others share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import orjson
import pytest

from tests.miner.harness import Served, served
from tests.miner.hash_embedder import vector_of

NDJSON = {"Content-Type": "application/x-ndjson"}
TEXT = {"text": "a harbour in January"}
VECTOR = {"raw_embedding": vector_of("a harbour in January").tolist()}


@pytest.fixture
async def inexact() -> AsyncIterator[Served]:
    """On a public chain, with an embedder that is not exact."""
    async with served(exact=False) as miner:
        miner.node.public_chain = True
        yield miner


def codes(outcomes: list[dict[str, str]]) -> list[str | None]:
    return [outcome.get("code") for outcome in outcomes]


async def test_a_text_is_refused_with_the_way_out_and_no_time_to_come_back(inexact: Served) -> None:
    refused = await inexact.post("/IngestSynapse", TEXT)
    assert refused.is_error(503, "inexact_embedder")
    assert "engram-network[core]" in refused.json["error"]
    assert "Retry-After" not in refused.headers
    assert (await inexact.get("/stats")).json["vectors"] == 0


async def test_of_a_batch_only_the_texts_are_refused(inexact: Served) -> None:
    items = [TEXT, VECTOR, {"text": 5}, TEXT]
    answer = await inexact.post("/batch/ingest", {"items": items})
    assert answer.status == 200
    expected = ["inexact_embedder", None, "invalid_text", "inexact_embedder"]
    assert codes(answer.json["outcomes"]) == expected
    lines = b"".join(orjson.dumps(item) + b"\n" for item in items)
    streamed = await inexact.send("/batch/ingest", lines, NDJSON)
    assert codes([orjson.loads(line) for line in streamed.raw.splitlines()]) == expected
    assert (await inexact.get("/stats")).json["vectors"] == 1


async def test_embeddings_and_searches_are_served(inexact: Served) -> None:
    stored = (await inexact.post("/IngestSynapse", VECTOR)).json
    assert stored["exact"] is True  # nothing was computed for it
    found = await inexact.post("/QuerySynapse", {"query_text": TEXT["text"], "top_k": 1})
    assert [hit["cid"] for hit in found.json["results"]] == [stored["cid"]]
    assert found.json["results"][0]["score"] == pytest.approx(1, abs=1e-6)


async def test_an_exact_embedder_takes_texts_there() -> None:
    async with served(exact=True) as miner:
        miner.node.public_chain = True
        assert (await miner.post("/IngestSynapse", TEXT)).json["exact"] is True


async def test_alone_or_on_a_dev_chain_texts_are_taken_and_marked() -> None:
    async with served(exact=False) as miner:
        stored = (await miner.post("/IngestSynapse", TEXT)).json
        assert (stored["error"], stored["exact"]) == (None, False)
        stats = (await miner.get("/stats")).json
        assert stats["exact"] is False
        assert stats["embedder_fallback"] == "a test wanted it so."
        assert b'exact="false"' in (await miner.get("/metrics")).raw


async def test_the_same_text_sent_as_its_embedding_is_the_same_record(inexact: Served) -> None:
    """What the refusal advises works: an exact embedder elsewhere makes the vector."""
    vector = np.asarray(VECTOR["raw_embedding"], "<f4")
    metadata = {"text": TEXT["text"]}
    body = {"raw_embedding": vector.tolist(), "metadata": metadata}
    ours = (await inexact.post("/IngestSynapse", body)).json["cid"]
    async with served(exact=True) as other:
        sent = await other.post("/IngestSynapse", TEXT | {"metadata": metadata})
    assert sent.json["cid"] == ours

"""A client of the published network works against our miner unchanged.

It posts ``text``, ``raw_embedding``, ``metadata``, ``query_text``, ``query_vector`` and ``top_k``,
and reads ``cid``, ``results`` and ``error``. The whole body goes out each time, with null for what
is not meant, and the reply's fields as null too.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.miner.harness import Served


async def call(miner: Served, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """As its client does: any status, the JSON decides."""
    reply: dict[str, Any] = (await miner.post(path, body)).json
    return reply


async def test_ingest_text_and_find_it(miner: Served) -> None:
    text = "The transformer uses self-attention."
    stored = await call(miner, "/IngestSynapse", {"text": text, "metadata": {"source": "arxiv"}})
    assert stored["error"] is None
    assert stored["cid"].startswith("v1::")

    found = await call(miner, "/QuerySynapse", {"query_text": text, "top_k": 5})
    assert found["error"] is None
    best = found["results"][0]
    assert best["cid"] == stored["cid"]
    assert best["score"] == pytest.approx(1, abs=1e-6)
    assert best["metadata"] == {"source": "arxiv"}
    assert found["latency_ms"] >= 0


async def test_ingest_an_embedding_and_find_it_by_vector(miner: Served) -> None:
    vector = [0.01 * i for i in range(384)]
    body: dict[str, Any] = {
        "text": None,
        "raw_embedding": vector,
        "metadata": {},
        "model_version": "v1",
        "cid": None,
        "error": None,
    }
    stored = await call(miner, "/IngestSynapse", body)
    question = {"query_text": None, "query_vector": vector, "top_k": 1, "results": None}
    found = await call(miner, "/QuerySynapse", question)
    assert [hit["cid"] for hit in found["results"]] == [stored["cid"]]


async def test_without_a_content_type(miner: Served) -> None:
    async with miner.session.post(
        miner.url + "/IngestSynapse", data=b'{"text": "a"}', skip_auto_headers=["Content-Type"]
    ) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/IngestSynapse", {"metadata": {}}),
        ("/IngestSynapse", {"raw_embedding": [1.0, 2.0]}),
        ("/QuerySynapse", {"query_vector": [1.0], "top_k": 3}),
        ("/QuerySynapse", {"query_text": "x", "top_k": 0}),
    ],
)
async def test_an_error_is_a_sentence_under_error(
    miner: Served, path: str, body: dict[str, Any]
) -> None:
    reply = await call(miner, path, body)
    assert isinstance(reply["error"], str)
    assert reply["error"]


async def test_health_and_stats(miner: Served) -> None:
    assert (await miner.get("/health")).json["status"] == "ok"
    stats = (await miner.get("/stats")).json
    assert list(stats)[:4] == ["vectors", "peers", "scores", "uptime"]
    assert (stats["vectors"], stats["peers"], stats["scores"]) == (0, 0, {})

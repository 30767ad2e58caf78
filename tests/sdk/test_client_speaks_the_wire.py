"""Each call: what is sent, and what is read from the reply."""

from __future__ import annotations

import base64
import inspect
from typing import Any

import httpx
import numpy as np
import pytest

from engram.core import generate_cid
from engram.errors import InvalidEmbedding, InvalidInput, InvalidMetadata, ServerError
from engram.sdk import AsyncEngramClient, EngramClient, Failed, Ingested
from engram.sdk.items import Vector
from tests.sdk.scripted_node import CID, HIT, INGESTED, RECORD, ScriptedNode, ok

VECTOR = [0.5] * 384
VECTOR_B64 = base64.b64encode(np.full(384, 0.5, "<f4").tobytes()).decode()
VECTOR_STORED = INGESTED | {"cid": generate_cid(VECTOR, {})}


def test_ingest_puts_the_text_into_the_metadata_so_that_the_cid_covers_it() -> None:
    node = ScriptedNode(ok(INGESTED))
    stored = node.client().ingest("hello", {"page": 3})
    assert node.body() == {"text": "hello", "metadata": {"text": "hello", "page": 3}}
    assert node.requests[0].url.path == "/IngestSynapse"
    assert stored == Ingested(CID, exact=True, warnings=("field 'x' is unknown",))


def test_a_text_that_the_metadata_already_has_is_left_alone() -> None:
    node = ScriptedNode(ok(INGESTED))
    node.client().ingest("embed this", {"text": "show this"})
    assert node.body()["metadata"] == {"text": "show this"}


@pytest.mark.parametrize("vector", [VECTOR, np.full(384, 0.5, np.float32), tuple(VECTOR)])
def test_a_vector_travels_as_base64(vector: Vector) -> None:
    node = ScriptedNode(ok(VECTOR_STORED), ok({"results": [], "latency_ms": 1.0}))
    client = node.client()
    client.ingest_embedding(vector)
    client.query_by_vector(vector)
    assert node.body(0) == {"embedding_b64": VECTOR_B64, "metadata": {}}
    assert node.body(1) == {"query_b64": VECTOR_B64, "top_k": 10}


@pytest.mark.parametrize("vector", [[0.0] * 384, [1.0] * 383, [float("nan")] * 384])
def test_a_vector_that_no_record_can_have_is_refused_before_it_is_sent(vector: list[float]) -> None:
    node = ScriptedNode()
    with pytest.raises(InvalidEmbedding):
        node.client().ingest_embedding(vector)
    assert not node.requests


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", {1, 2}, "\ud800"])
def test_metadata_that_json_cannot_carry_is_refused_before_it_is_sent(value: object) -> None:
    node = ScriptedNode()
    with pytest.raises(InvalidInput, match="JSON"):
        node.client().ingest("x", {"value": value})
    assert not node.requests


@pytest.mark.parametrize("metadata", ["text", [], 0, ["a"]])
def test_metadata_that_is_no_object_is_refused(metadata: object) -> None:
    with pytest.raises(InvalidMetadata):
        ScriptedNode().client().ingest("x", metadata)  # type: ignore[arg-type]


def test_query_reads_hits_and_behaves_like_a_list() -> None:
    node = ScriptedNode(ok({"results": [HIT], "latency_ms": 2.5, "error": None}))
    results = node.client().query("oak", top_k=5, where={"a": 1})
    assert node.body() == {"query_text": "oak", "top_k": 5, "where": {"a": 1}}
    assert [hit.cid for hit in results] == [CID]
    assert (len(results), results[0].score, results.latency_ms) == (1, 0.75, 2.5)


def test_list_follows_the_cursor_to_the_end() -> None:
    pages = [{"records": [RECORD] * 2, "cursor": "c1"}, {"records": [RECORD], "cursor": None}]
    node = ScriptedNode(*map(ok, pages))
    assert len(list(node.client().list({"a": 1}, page_size=2))) == 3
    assert node.body(0) == {"limit": 2, "where": {"a": 1}}
    assert node.body(1) == {"limit": 2, "cursor": "c1", "where": {"a": 1}}


def test_the_small_calls() -> None:
    node = ScriptedNode(
        ok(RECORD),
        ok({"held": {CID: 7}}),
        ok({"cid": CID, "embedding_hash": "e", "proof": "p", "error": None}),
        ok({"status": "ok"}),
        ok({"status": "ready"}),
        ok({"vectors": 3, "peers": 0, "scores": {}, "uptime": 1.5, "tomorrow": 1}),
    )
    client = node.client()
    assert client.get(CID).text == "t"
    assert client.has([CID]) == {CID: 7}
    assert client.challenge(CID, "00" * 32, 5).proof == "p"
    assert (client.health(), client.ready(), client.stats().vectors) == ("ok", "ready", 3)
    assert [request.url.path for request in node.requests] == [
        f"/retrieve/{CID}",
        "/has",
        "/ChallengeSynapse",
        "/health",
        "/ready",
        "/stats",
    ]


def test_a_cid_cannot_leave_its_place_in_the_path() -> None:
    node = ScriptedNode(ok(RECORD | {"cid": "../stats?x#y"}))
    node.client().get("../stats?x#y")
    assert node.requests[0].url.raw_path == b"/retrieve/..%2Fstats%3Fx%23y"


def test_many_items_go_in_batches_of_256() -> None:
    node = ScriptedNode(
        ok({"outcomes": [INGESTED] * 256}),
        ok({"outcomes": [INGESTED] * 43 + [{"error": "bad", "code": "invalid_text"}]}),
    )
    outcomes = node.client().ingest_many(f"text {n}" for n in range(300))
    assert [len(node.body(n)["items"]) for n in (0, 1)] == [256, 44]
    assert node.body(1)["items"][0]["text"] == "text 256"
    assert outcomes[-1] == Failed("bad", "invalid_text")
    assert all(isinstance(one, Ingested) for one in outcomes[:-1])


def test_large_items_make_smaller_batches() -> None:
    node = ScriptedNode(*[ok({"outcomes": [INGESTED] * n}) for n in (4, 4, 2)])
    node.client().ingest_many({"text": "x", "metadata": {"a": "y" * 1_000_000}} for _ in range(10))
    assert [len(node.body(n)["items"]) for n in range(3)] == [4, 4, 2]


def test_items_that_cannot_be_sent_fail_alone_and_are_not_sent() -> None:
    node = ScriptedNode(ok({"outcomes": [INGESTED, INGESTED]}))
    bad: list[Any] = [{"raw_embedding": [1.0]}, "", "x" * 8193, "\ud800", {"text": 5}, 5]
    outcomes = node.client().ingest_many(["fine", *bad, {"text": "fine too", "metadata": None}])
    assert [item["text"] for item in node.body()["items"]] == ["fine", "fine too"]
    assert isinstance(outcomes[0], Ingested)
    assert isinstance(outcomes[-1], Ingested)
    codes = [one.code for one in outcomes if isinstance(one, Failed)]
    assert codes == ["invalid_embedding", *["invalid_text"] * 4, "invalid_input"]


def test_the_callers_objects_are_not_changed() -> None:
    metadata = {"a": 1}
    item = {"text": "x", "metadata": metadata}
    node = ScriptedNode(ok({"outcomes": [INGESTED]}))
    node.client().ingest_many([item])
    assert item == {"text": "x", "metadata": {"a": 1}}
    assert metadata == {"a": 1}


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(200, text="<html>hello</html>"),
        httpx.Response(200, json={"cid": CID}),
        httpx.Response(200, json=[1, 2]),
        httpx.Response(404, text="nginx"),
    ],
)
def test_a_server_that_is_no_node_is_said_to_be_none(reply: httpx.Response) -> None:
    with pytest.raises(ServerError, match="does not look like an Engram node") as caught:
        ScriptedNode(reply).client().get(CID)
    assert caught.value.code == "bad_reply"


def test_fewer_outcomes_than_items_are_not_taken_for_success() -> None:
    node = ScriptedNode(ok({"outcomes": [INGESTED]}))
    with pytest.raises(ServerError, match="2 items were sent and 1 answered"):
        node.client().ingest_many(["a", "b"])


def public(kind: type) -> dict[str, list[str]]:
    methods = inspect.getmembers(kind, inspect.isfunction)
    return {
        name: list(inspect.signature(method).parameters)
        for name, method in methods
        if not name.startswith("_")
    }


def test_both_clients_offer_the_same_calls() -> None:
    assert public(EngramClient) == public(AsyncEngramClient)


async def test_the_async_client_sends_and_reads_the_same() -> None:
    pages = [{"records": [RECORD], "cursor": "c1"}, {"records": [RECORD], "cursor": None}]
    node = ScriptedNode(ok(INGESTED), ok({"results": [HIT], "latency_ms": 1.0}), *map(ok, pages))
    async with node.async_client() as client:
        assert (await client.ingest("hello")).cid == CID
        assert (await client.query("hello"))[0].cid == CID
        assert [record.cid async for record in client.list()] == [CID, CID]
    assert node.body(0) == {"text": "hello", "metadata": {"text": "hello"}}

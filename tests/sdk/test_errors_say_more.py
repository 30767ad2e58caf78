"""What a node says beside the sentence and the code of an error reaches the caller."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from engram.errors import ClockSkew, NotFound, ServerError, StaleMembership, TooFewReplicas
from engram.sdk import Ingested
from engram.sdk.results import Failed, Replicas
from tests.sdk.scripted_node import ScriptedNode

CID = "v1::" + "5e" * 32
HOLDERS = [{"uid": 3, "hotkey": "5F", "url": "http://203.0.113.7:8091"}]
REPLICAS = {"required": 3, "acknowledged": 1, "receipts": []}
REPLY: dict[str, Any] = {
    "cid": CID,
    "error": None,
    "truncated": False,
    "duplicate": False,
    "exact": True,
    "warnings": [],
}


def refusal(status: int, code: str, **more: Any) -> httpx.Response:
    return httpx.Response(status, json={"error": "It is so.", "code": code, **more})


@pytest.mark.parametrize(
    ("status", "kind", "details"),
    [
        (404, NotFound, {"holders": HOLDERS}),
        (401, ClockSkew, {"time": 1_800_000_000.5}),
        (409, StaleMembership, {"placements": [300, 200]}),
        (503, TooFewReplicas, {"cid": CID, "replicas": REPLICAS}),
    ],
)
def test_errors_of_our_own_carry_it(status: int, kind: Any, details: dict[str, Any]) -> None:
    node = ScriptedNode(refusal(status, kind.code, **details))
    with node.client() as client, pytest.raises(kind) as caught:
        client.get(CID)
    assert caught.value.details == details
    assert len(node.requests) == 1


def test_errors_of_newer_nodes_carry_it_too() -> None:
    node = ScriptedNode(refusal(418, "teapot", lid="open"))
    with node.client() as client, pytest.raises(ServerError) as caught:
        client.get(CID)
    assert (caught.value.code, caught.value.details) == ("teapot", {"lid": "open"})


def test_an_item_of_a_batch_carries_it() -> None:
    error = {"error": "It is so.", "code": "too_few_replicas", "replicas": REPLICAS}
    node = ScriptedNode(httpx.Response(200, json={"outcomes": [error], "warnings": []}))
    with node.client() as client:
        [failed] = client.ingest_many([{"text": "a text", "min_replicas": 2}])
    assert failed == Failed("It is so.", "too_few_replicas", {"replicas": REPLICAS})
    assert node.body()["items"][0]["min_replicas"] == 2


def test_an_ingest_asks_for_replicas_and_reads_how_many_there_are() -> None:
    receipt = {"cid": CID, "signature": "00"}
    told = {"required": 3, "acknowledged": 2, "receipts": [receipt]}
    node = ScriptedNode(httpx.Response(200, json=REPLY | {"replicas": told}))
    with node.client() as client:
        stored = client.ingest("a text", min_replicas=2)
    assert node.body()["min_replicas"] == 2
    assert isinstance(stored, Ingested)
    assert stored.replicas == Replicas(3, 2, (receipt,))


async def test_nothing_is_asked_and_nothing_told_by_older_nodes() -> None:
    node = ScriptedNode(httpx.Response(200, json=REPLY))
    async with node.async_client() as client:
        stored = await client.ingest("a text")
    assert "min_replicas" not in node.body()
    assert stored.replicas is None

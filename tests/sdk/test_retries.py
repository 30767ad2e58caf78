"""429 and 503 are asked again, a bounded number of times, and nothing else is."""

from __future__ import annotations

import httpx
import pytest

from engram.errors import (
    BodyTooLarge,
    EngramError,
    InexactEmbedder,
    InvalidMetadata,
    NotFound,
    NotReady,
    Overloaded,
    RefusedHere,
    ServerError,
    ServerUnreachable,
    StorageFull,
    Throttled,
)
from engram.sdk import Ingested, RetryPolicy
from tests.sdk.scripted_node import CID, INGESTED, URL, ScriptedNode, ok, refusal


def test_backs_off_and_succeeds() -> None:
    node = ScriptedNode(refusal(503, "overloaded"), refusal(503, "not_ready"), ok(INGESTED))
    assert node.client().ingest("x").cid == CID
    assert node.waits == [0.2, 0.4]  # doubling, the jitter's middle


def test_waits_at_least_as_long_as_the_server_asks() -> None:
    node = ScriptedNode(refusal(429, "throttled", retry_after="7"), ok(INGESTED))
    node.client().ingest("x")
    assert node.waits == [7.2]


@pytest.mark.parametrize("header", ["soon", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_retry_after_that_is_no_number_leaves_the_usual_wait(header: str) -> None:
    node = ScriptedNode(refusal(429, "throttled", retry_after=header), ok(INGESTED))
    node.client().ingest("x")
    assert node.waits == [0.2]


def test_gives_up_after_the_last_attempt_with_what_the_server_said() -> None:
    node = ScriptedNode(*[refusal(429, "throttled", "too many", retry_after="1")] * 5)
    with pytest.raises(Throttled, match="too many") as caught:
        node.client().ingest("x")
    assert (len(node.requests), caught.value.retry_after) == (5, 1.0)


def test_does_not_wait_longer_than_its_limit() -> None:
    node = ScriptedNode(refusal(503, "overloaded", retry_after="3600"))
    with pytest.raises(Overloaded):
        node.client().ingest("x")
    assert node.waits == []


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_jitter_stays_within_half_and_one_and_a_half(chance: float) -> None:
    policy = RetryPolicy(chance=lambda: chance)
    waits = [policy.wait(attempt, Overloaded("full")) for attempt in (1, 2, 3, 4, 5)]
    expected = [0.2 * 2**n * (0.5 + chance) for n in range(4)]
    assert waits == [*expected, None]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid_metadata", InvalidMetadata),
        (404, "not_found", NotFound),
        (410, "refused_here", RefusedHere),
        (413, "body_too_large", BodyTooLarge),
        (500, "internal", ServerError),
        (500, "store_corrupt", ServerError),
        (503, "storage_full", StorageFull),
        (503, "inexact_embedder", InexactEmbedder),
        (418, "a_word_of_tomorrow", ServerError),
        (404, "invalid_metadata", ServerError),  # a code that contradicts its status
    ],
)
def test_everything_else_surfaces_at_once_with_its_text(
    status: int, code: str, kind: type[EngramError]
) -> None:
    node = ScriptedNode(refusal(status, code, "the sentence"))
    with pytest.raises(kind) as caught:
        node.client().ingest("x")
    assert type(caught.value) is kind
    assert (caught.value.message, caught.value.code) == ("the sentence", code)
    assert caught.value.status == status
    assert len(node.requests) == 1


def test_a_503_without_an_engram_error_is_retried_too() -> None:
    node = ScriptedNode(httpx.Response(503, text="proxy"), ok(INGESTED))
    assert node.client().ingest("x").cid == CID


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("connection refused"),
        httpx.ReadTimeout("timed out"),
        httpx.RemoteProtocolError("cut off"),
    ],
)
async def test_no_answer_names_the_url_and_what_to_try(error: Exception) -> None:
    with pytest.raises(ServerUnreachable, match=f"{URL}.*engram miner"):
        ScriptedNode(error).client().health()
    with pytest.raises(ServerUnreachable, match=f"{URL}.*engram miner"):
        await ScriptedNode(error).async_client().health()


def test_items_that_a_full_queue_turned_away_are_sent_again_by_themselves() -> None:
    full = {"error": "full", "code": "overloaded"}
    bad = {"error": "bad", "code": "invalid_text"}
    node = ScriptedNode(
        ok({"outcomes": [INGESTED, full, bad, full]}),
        ok({"outcomes": [full, INGESTED]}),
        ok({"outcomes": [INGESTED]}),
    )
    outcomes = node.client().ingest_many(["a", "b", "c", "d"])
    assert [[item["text"] for item in node.body(n)["items"]] for n in range(3)] == [
        ["a", "b", "c", "d"],
        ["b", "d"],
        ["b"],
    ]
    assert [isinstance(one, Ingested) for one in outcomes] == [True, True, False, True]
    assert node.waits == [0.2, 0.4]


async def test_the_async_client_waits_the_same() -> None:
    node = ScriptedNode(refusal(503, "not_ready", retry_after="2"), ok({"status": "ready"}))
    assert await node.async_client().ready() == "ready"
    assert node.waits == [2.2]


def test_a_503_while_loading_is_not_ready_after_the_last_attempt() -> None:
    node = ScriptedNode(refusal(503, "not_ready", "loading"))
    with pytest.raises(NotReady, match="loading"):
        node.client(RetryPolicy(attempts=1)).ready()

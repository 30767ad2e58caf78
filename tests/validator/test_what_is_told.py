"""HTTP and ``explain``: every number with its reasons, and no probe before its weights are out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from engram.core.limits import REPLICAS
from engram.errors import NotFound
from engram.net.addresses import is_global
from engram.validator.api import build_app
from engram.validator.explain import explain, told
from tests.validator.world import World

NewWorld = Callable[..., World]


@pytest.fixture
async def judged(new_world: NewWorld) -> World:
    world = new_world()
    await world.placed()
    world.miners[2].seconds = 0.6
    await world.judged()
    return world


@pytest.fixture
async def client(judged: World) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(build_app(judged.parts))) as client:
        yield client


async def get(client: TestClient[Any, Any], path: str, status: int = 200) -> Any:
    async with client.get(path) as response:
        assert response.status == status, await response.text()
        return await response.json()


async def test_health(client: TestClient[Any, Any]) -> None:
    assert await get(client, "/health") == {"status": "ok"}


async def test_scores_have_their_parts(client: TestClient[Any, Any], judged: World) -> None:
    body = await get(client, "/scores")
    assert body["validator"] == judged.parts.hotkey
    assert [score["uid"] for score in body["scores"]] == [0, 1, 2]
    slow = body["scores"][2]
    assert slow["recall"] == 1
    assert slow["latency_ms"] == 500
    assert slow["proof_rate"] == 1
    assert slow["composite"] == pytest.approx(0.7)
    assert slow["known"] >= slow["minimum"] == 8
    assert sum(score["weight"] for score in body["scores"]) == pytest.approx(1)


async def test_live_probes_are_hashes_until_their_weights_are_revealed(
    client: TestClient[Any, Any], judged: World
) -> None:
    secret = await get(client, "/scores/1")
    assert len(secret["probes"]) == 25
    assert not any("text" in probe or "cid" in probe for probe in secret["probes"])
    judged.chain.rules = replace(judged.chain.rules, commit_reveal=True)
    judged.chain.head += 100
    await judged.parts.weights.attempt()
    set_at = judged.chain.head
    await judged.parts.follower.turn()
    assert (await get(client, "/scores/1"))["probes"] == secret["probes"]
    judged.chain.head = set_at + 2 * (judged.chain.rules.tempo + 1)
    await judged.parts.follower.turn()
    public = await get(client, "/scores/1")
    assert all(probe["text"] and probe["cid"] for probe in public["probes"])
    await judged.scored()
    after = (await get(client, "/scores/1"))["probes"]
    assert ["text" in probe for probe in after] == [False] * 5 + [True] * 20


async def test_reasons_for_failures_name_no_live_record(
    client: TestClient[Any, Any], judged: World
) -> None:
    judged.miners[1].fails_proofs = True
    await judged.challenged()
    body = await get(client, "/scores/1")
    assert [value["verdict"] for value in body["proofs"][:2]] == ["wrong", "wrong"]
    assert "The proof is wrong." in body["proofs"][0]["detail"]
    assert "v1::" not in str(body)


async def test_history_and_weight_sets(client: TestClient[Any, Any], judged: World) -> None:
    judged.chain.head += 100
    await judged.parts.weights.attempt()
    body = await get(client, "/history?uid=2&limit=3")
    assert [row["uid"] for row in body["rounds"]] == [2, 2, 2]
    assert body["rounds"][0]["composite"] == pytest.approx(0.7)
    assert body["weight_sets"][0]["state"] == "set"
    assert len((await get(client, "/history"))["rounds"]) == 5 * 3


async def test_replication(client: TestClient[Any, Any], judged: World) -> None:
    await judged.challenged(5)
    body = await get(client, "/replication")
    assert body["HEALTHY"] == body["records"]
    assert body["required"] == REPLICAS
    with judged.parts.state.read() as connection:
        [own] = connection.execute("SELECT cid FROM records LIMIT 1").fetchall()
    secret = await get(client, f"/replication/{own['cid']}", 404)
    unknown = await get(client, f"/replication/v1::{0:064x}", 404)
    assert secret["code"] == unknown["code"] == "not_found"


async def test_two_of_two_possible(new_world: NewWorld) -> None:
    world = new_world(2)
    await world.placed()
    await world.challenged(6)
    async with TestClient(TestServer(build_app(world.parts))) as client:
        body = await get(client, "/replication")
    assert body["possible"] == "2 of 2 possible"
    assert body["DEGRADED"] == body["records"]


async def test_status_shows_cadences_and_the_next_window(
    client: TestClient[Any, Any], judged: World
) -> None:
    judged.chain.head += 100
    await judged.parts.weights.attempt()
    body = await get(client, "/status")
    judging = {"placing", "scoring", "challenge", "weights"}
    assert set(body["cadences"]) == judging | {"settling", "survey", "repair"}
    assert body["weights"]["outcome"] == "set"
    assert body["weights"]["next_window"] == judged.chain.head + 1 + 10
    assert body["connected"]


async def test_metrics(client: TestClient[Any, Any], judged: World) -> None:
    await judged.parts.weights.attempt()
    async with client.get("/metrics") as response:
        text = await response.text()
    assert "engram_validator_scoring_skipped 0.0" in text
    assert "engram_validator_weights_total" in text
    assert 'engram_validator_records{status="HEALTHY"} 10.0' in text
    assert 'engram_validator_users_records{status="LOST"} 0.0' in text
    assert 'engram_validator_copies_to_hold{uid="2"} 0.0' in text
    assert "engram_validator_receipts_refused 0.0" in text


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/scores/77", 404, "not_found"),
        ("/scores/-1", 400, "invalid_input"),
        ("/scores/x", 400, "invalid_input"),
        ("/scores/99999", 400, "invalid_input"),
        ("/history?limit=0x10", 400, "invalid_input"),
        ("/history?limit=100000", 400, "invalid_input"),
        ("/history?uid=²", 400, "invalid_input"),
        ("/replication/abc", 400, "invalid_cid"),
        ("/replication/records?status=ill", 400, "invalid_input"),
        ("/replication/records?cursor=2", 400, "invalid_input"),
        ("/replication/records?limit=5000", 400, "invalid_input"),
        ("/nothing", 404, "not_found"),
    ],
)
async def test_bad_requests(
    client: TestClient[Any, Any], path: str, status: int, code: str
) -> None:
    body = await get(client, path, status)
    assert body["code"] == code


@pytest.mark.parametrize("path", ["/scores", "/health", "/status"])
async def test_nothing_can_be_changed_over_http(client: TestClient[Any, Any], path: str) -> None:
    async with client.post(path, data=b"{}") as response:
        assert response.status == 405


async def test_explain_says_why_down_to_single_probes(judged: World) -> None:
    judged.chain.head += 100
    await judged.parts.weights.attempt()
    with judged.parts.state.read() as connection:
        explanation = explain(connection, 2, judged.rules.window_rounds)
        with pytest.raises(NotFound, match="never saw"):
            explain(connection, 99, judged.rules.window_rounds)
    lines = "\n".join(told(explanation))
    assert "composite 0.7000 = 0.5 x recall 1.000 + 0.3 x latency 0.000 (500 ms)" in lines
    assert len(explanation["probes"]) == 25
    assert all(probe["text"] for probe in explanation["probes"])
    assert len(explanation["proofs"]) == 10
    assert "in weight set 1, set at block" in lines


async def test_explain_rests_on_what_the_weights_rested_on(judged: World) -> None:
    judged.chain.head += 100
    await judged.parts.weights.attempt()
    judged.miners[2].finds_at_random = True
    await judged.scored(3)
    with judged.parts.state.read() as connection:
        explanation = explain(connection, 2, judged.rules.window_rounds)
    assert all(probe["recall"] == 1 for probe in explanation["probes"])
    assert explanation["standing"]["composite"] == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://8.8.8.8:8091", True),
        ("http://127.0.0.1:8091", False),
        ("http://10.0.0.7:8091", False),
        ("http://169.254.169.254:80", False),
        ("http://[::1]:8091", False),
        ("http://localhost:8091", False),
    ],
)
def test_miners_of_a_public_chain_cannot_point_at_our_own_network(url: str, expected: bool) -> None:
    assert is_global(url) is expected

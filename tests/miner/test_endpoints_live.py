"""Every path of a real miner, with the real store and the real model, over a real socket."""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import orjson
import pytest

from engram.core import verify_cid
from engram.protocol import (
    BatchChallengeReply,
    BatchIngestReply,
    ChallengeReply,
    HasReply,
    IngestReply,
    ListReply,
    QueryReply,
    RecordReply,
    StatsReply,
)
from tests.miner.live import LiveMiner

OAK = "The oak in the yard was planted in 1911."
PASSAGES = [
    OAK,
    "Granite is an igneous rock made of quartz, feldspar and mica.",
    "The ferry to the island leaves every morning at seven.",
    "Sourdough needs flour, water, salt and a lot of patience.",
]


@pytest.fixture
def http(live: LiveMiner) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=live.url, timeout=30) as client:
        yield client


def ok(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"].startswith("application/json")
    return orjson.loads(response.content)


def ingest(http: httpx.Client, **body: Any) -> dict[str, Any]:
    reply: dict[str, Any] = ok(http.post("/IngestSynapse", json=body))
    IngestReply.model_validate(reply)
    return reply


def query(http: httpx.Client, **body: Any) -> list[dict[str, Any]]:
    reply = ok(http.post("/QuerySynapse", json=body))
    QueryReply.model_validate(reply)
    results: list[dict[str, Any]] = reply["results"]
    return results


def test_text_in_cid_out_found_again_proved(http: httpx.Client) -> None:
    cids = {p: ingest(http, text=p, metadata={"topic": "walk"})["cid"] for p in PASSAGES}

    best = query(http, query_text="How old is the tree?", where={"topic": "walk"})[0]
    assert best["cid"] == cids[OAK]
    assert best["text"] == OAK
    assert 0 < best["score"] < 1

    record = ok(http.get(f"/retrieve/{cids[OAK]}"))
    RecordReply.model_validate(record)
    embedding = b64decode(record["embedding_b64"])
    assert verify_cid(cids[OAK], embedding, record["metadata"], record["model_version"])
    assert np.linalg.norm(np.frombuffer(embedding, "<f4")) == pytest.approx(1, abs=1e-5)
    assert abs(time.time() - record["stored_at"]) < 3_600

    nonce = bytes(range(32))
    challenge = {
        "cid": cids[OAK],
        "nonce_hex": nonce.hex(),
        "expires_at": int(time.time()) + 60,
    }
    proof = ok(http.post("/ChallengeSynapse", json=challenge))
    ChallengeReply.model_validate(proof)
    digest = hashlib.sha256(embedding).hexdigest()
    assert proof["embedding_hash"] == digest
    assert proof["proof"] == hmac.new(nonce, digest.encode(), hashlib.sha256).hexdigest()


def test_the_same_text_twice_is_one_record(http: httpx.Client) -> None:
    first = ingest(http, text="said twice", metadata={"n": 1})
    second = ingest(http, text="said twice", metadata={"n": 1.0})
    assert (first["duplicate"], second["duplicate"]) == (False, True)
    assert first["cid"] == second["cid"]
    assert ingest(http, text="said twice", metadata={"n": "1"})["cid"] != first["cid"]


def test_side_text_and_text_under_the_cid(http: httpx.Client) -> None:
    beside = ingest(http, text="kept beside")
    inside = ingest(http, text="kept beside", metadata={"text": "kept inside"})
    number = ingest(http, text="kept beside", metadata={"text": 5})
    texts = [ok(http.get(f"/retrieve/{r['cid']}"))["text"] for r in (beside, inside, number)]
    assert texts == ["kept beside", "kept inside", None]
    plain = ok(http.get(f"/retrieve/{beside['cid']}"))
    assert plain["metadata"] == {}


def test_long_text_says_that_it_was_cut(http: httpx.Client) -> None:
    assert ingest(http, text="word " * 300)["truncated"] is True
    assert ingest(http, text="word " * 200)["truncated"] is False


def test_an_embedding_comes_back_as_it_was_sent(http: httpx.Client) -> None:
    vector = (np.random.default_rng(5).standard_normal(384) * 7).astype("<f4")
    vector[3] = -0.0
    sent = b64encode(vector.tobytes()).decode()
    as_base64 = ingest(http, embedding_b64=sent, metadata={"form": "any"})
    as_numbers = ingest(http, raw_embedding=vector.tolist(), metadata={"form": "any"})
    assert as_base64["cid"] == as_numbers["cid"]
    assert as_base64["exact"] is True
    assert as_numbers["duplicate"] is True

    stored = np.frombuffer(
        b64decode(ok(http.get(f"/retrieve/{as_base64['cid']}"))["embedding_b64"]), "<f4"
    )
    assert np.array_equal(stored, vector)
    assert not np.signbit(stored[3])
    for question in ({"query_b64": sent}, {"query_vector": vector.tolist()}):
        best = query(http, top_k=1, **question)[0]
        assert best["cid"] == as_base64["cid"]
        assert best["score"] == pytest.approx(1, abs=1e-5)


def test_filters_act_during_the_search(http: httpx.Client) -> None:
    for page in range(20):
        ingest(http, text=f"Chapter on page {page}.", metadata={"book": "filters", "page": page})
    where = {"book": "filters", "page": {"$gte": 15}}
    pages = [r["metadata"]["page"] for r in query(http, query_text="page", top_k=5, where=where)]
    assert sorted(pages) == [15, 16, 17, 18, 19]


def test_has_and_list(http: httpx.Client) -> None:
    cids = [ingest(http, text=f"Listed {i}.", metadata={"shelf": "list"})["cid"] for i in range(5)]
    unknown = "v1::" + "0" * 64
    held = ok(http.post("/has", json={"cids": [*cids, unknown]}))
    HasReply.model_validate(held)
    assert held["held"].keys() == set(cids)
    assert all(age >= 0 for age in held["held"].values())

    listed: list[str] = []
    cursor = None
    for _ in range(3):
        body = {"limit": 2, "cursor": cursor, "where": {"shelf": "list"}}
        page = ok(http.post("/list", json=body))
        ListReply.model_validate(page)
        listed += [record["cid"] for record in page["records"]]
        cursor = page["cursor"]
    assert listed == cids


def test_batches(http: httpx.Client) -> None:
    items: list[Any] = [{"text": passage, "metadata": {"batch": 1}} for passage in PASSAGES]
    reply = ok(http.post("/batch/ingest", json={"items": [*items, {"text": 1}]}))
    BatchIngestReply.model_validate(reply)
    cids = [outcome["cid"] for outcome in reply["outcomes"][:4]]
    assert reply["outcomes"][4]["code"] == "invalid_text"

    expires_at = int(time.time()) + 60
    challenges = [{"cid": c, "nonce_hex": "ab" * 32, "expires_at": expires_at} for c in cids]
    proofs = ok(http.post("/batch/challenge", json={"items": challenges}))
    BatchChallengeReply.model_validate(proofs)
    assert [outcome["cid"] for outcome in proofs["outcomes"]] == cids

    lines = b"\n".join(orjson.dumps(item) for item in items)
    streamed = http.post(
        "/batch/ingest", content=lines, headers={"Content-Type": "application/x-ndjson"}
    )
    outcomes = [orjson.loads(line) for line in streamed.content.splitlines()]
    assert [outcome["cid"] for outcome in outcomes] == cids
    assert all(outcome["duplicate"] for outcome in outcomes)


def test_probes_and_counters(http: httpx.Client) -> None:
    assert ok(http.get("/health")) == {"status": "ok"}
    assert ok(http.get("/ready")) == {"status": "ready"}
    stats = ok(http.get("/stats"))
    StatsReply.model_validate(stats)
    assert list(stats)[:4] == ["vectors", "peers", "scores", "uptime"]
    assert "# TYPE engram_store_records gauge" in http.get("/metrics").text
    assert ok(http.get("/openapi.json"))["openapi"] == "3.1.0"
    assert http.head("/health").status_code == 200


def test_the_same_text_alone_and_in_company_is_one_cid(http: httpx.Client) -> None:
    company = [{"text": f"{p} Again.", "metadata": {"c": 1}} for p in PASSAGES * 8]
    together = ok(http.post("/batch/ingest", json={"items": company}))["outcomes"]
    alone = [ingest(http, **item) for item in company[: len(PASSAGES)]]
    assert [reply["cid"] for reply in alone] == [outcome["cid"] for outcome in together[:4]]

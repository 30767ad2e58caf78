"""/health, /ready, /stats, /metrics: what operators and their tools read."""

from __future__ import annotations

import re

from prometheus_client.parser import text_string_to_metric_families

from engram.protocol import StatsReply
from tests.miner.harness import Served, load, served
from tests.miner.hash_embedder import HashEmbedder

VECTOR = [0.5] * 384


async def test_before_everything_is_loaded() -> None:
    async with served(loaded=False) as miner:
        assert (await miner.get("/health")).json == {"status": "ok"}
        for answer in (
            await miner.get("/ready"),
            await miner.get("/stats"),
            await miner.post("/IngestSynapse", {"text": "too early"}),
            await miner.post("/IngestSynapse", {"raw_embedding": VECTOR}),
            await miner.post("/QuerySynapse", {"query_text": "too early"}),
            await miner.post("/batch/ingest", {"items": [{"text": "too early"}]}),
            await miner.post("/has", {"cids": []}),
        ):
            assert answer.is_error(503, "not_ready")
            assert answer.headers["Retry-After"] == "1"
        assert b"engram_ready 0.0" in (await miner.get("/metrics")).raw

        load(miner.node, miner.store, HashEmbedder())
        assert (await miner.get("/ready")).json == {"status": "ready"}
        assert b"engram_ready 1.0" in (await miner.get("/metrics")).raw


async def test_while_it_stops(miner: Served) -> None:
    miner.node.stopping = True
    assert (await miner.get("/ready")).is_error(503, "not_ready")
    assert (await miner.get("/health")).status == 200


async def test_stats(miner: Served) -> None:
    await miner.post("/IngestSynapse", {"text": "counted"})
    stats = (await miner.get("/stats")).json
    assert list(stats) == list(StatsReply.model_fields)
    StatsReply.model_validate(stats)
    assert stats["vectors"] == 1
    assert stats["uptime"] > 0
    assert stats["chain"] == "none"
    assert (stats["embedder"], stats["exact"], stats["embedder_fallback"]) == ("hash", True, None)
    assert stats["latencies"]["/IngestSynapse"]["count"] == 1
    assert set(stats["queues"]) == {"texts", "uncommitted", "reads", "scans", "bulk"}


async def test_metrics(miner: Served) -> None:
    await miner.post("/IngestSynapse", {"text": "counted"})
    await miner.post("/IngestSynapse", {"text": "counted"})
    await miner.post("/IngestSynapse", {"text": 5})
    await miner.get("/no/such/path")
    await miner.get("/nor/this")
    families = {
        family.name: family
        for family in text_string_to_metric_families((await miner.get("/metrics")).raw.decode())
    }
    assert all(re.fullmatch(r"engram_[a-z0-9_]+", name) for name in families)
    assert not [n for n in families if re.search(r"_(ms|milliseconds|kb|mb|minutes|percent)$", n)]

    def value(family: str, **labels: str) -> float:
        return sum(
            sample.value
            for sample in families[family].samples
            if not sample.name.endswith(("_created", "_bucket", "_sum"))
            and labels.items() <= sample.labels.items()
        )

    assert value("engram_http_requests", path="/IngestSynapse", status="200") == 2
    assert value("engram_http_requests", path="/IngestSynapse", status="400") == 1
    assert value("engram_http_requests", path="unknown", status="404") == 2
    assert value("engram_http_request_duration_seconds", path="/IngestSynapse") == 3
    assert value("engram_ingested_records", outcome="stored") == 1
    assert value("engram_ingested_records", outcome="duplicate") == 1
    assert value("engram_store_records") == 1


async def test_a_thousand_paths_are_one_label(miner: Served) -> None:
    for i in range(50):
        await miner.get(f"/retrieve/v1::{i:064x}")
        await miner.get(f"/wrong/{i}")
    assert set(miner.node.metrics.recent) == {"/retrieve/{cid}", "unknown"}

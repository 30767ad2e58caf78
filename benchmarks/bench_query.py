"""Vector query over HTTP in a full store: idle, and beside ingest."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bare import Vectors, built_index, search_latencies
from benchmarks.data import Corpus, blends, load_corpus
from benchmarks.filled import filled_copy
from benchmarks.load import Generator, Load, generator, post
from benchmarks.measure import Gate, alternate, median, ratio, results
from benchmarks.process import Server, echo, miner
from benchmarks.scale import Scale
from engram.config import StoreSettings

INGEST_CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Rig:
    """A full miner, its floor, and two generators: one asks while the other stores."""

    node: Server
    floor: Server
    asking: Generator
    storing: Generator
    questions: Sequence[bytes]
    vectors: Vectors

    def ask(self, connections: int = 1) -> Load:
        """Every question once, on the miner."""
        return self.asking.drive(self.node.port, self.questions, connections)

    def fresh(self, count: int, seed: int) -> list[bytes]:
        """Ingests of vectors that the store does not have."""
        return [
            post("/IngestSynapse", {"raw_embedding": row.tolist(), "metadata": {"seed": seed}})
            for row in blends(self.vectors, count, seed)
        ]


def run(scale: Scale, work: Path) -> dict[str, Any]:
    """One connection asks, as the gates say; more are reported."""
    corpus = load_corpus(scale)
    questions = [
        post("/QuerySynapse", {"query_vector": row.tolist(), "top_k": 10}) for row in corpus.queries
    ]
    with (
        filled_copy(corpus, work) as folder,
        miner(folder) as node,
        echo(work / "echo.log") as floor,
        generator() as asking,
        generator() as storing,
    ):
        rig = Rig(node, floor, asking, storing, questions, corpus.vectors)
        idle_gate, idle = _idle(rig, corpus, scale)
        reported = {**idle, **_other_queries(rig, corpus)}
        loaded_gate, loaded = _beside_ingest(rig, scale)
    return results([idle_gate, loaded_gate], {**reported, **loaded})


def _idle(rig: Rig, corpus: Corpus, scale: Scale) -> tuple[Gate, dict[str, float]]:
    index = built_index(corpus.vectors, StoreSettings(), scale.corpus)

    def bare() -> tuple[float, float]:
        round_trip = rig.asking.drive(rig.floor.port, rig.questions, 1).quantile_ms(0.5)
        return float(np.median(search_latencies(index, corpus.queries))) * 1e3, round_trip

    rig.ask()  # warms the node
    loads, floors = alternate(scale.runs, rig.ask, bare)
    gate = ratio(
        f"vector query among {scale.records:,}: p50 over bare index search + bare round trip",
        [load.quantile_ms(0.5) for load in loads],
        [search + trip for search, trip in floors],
        "at most",
        2.0,
        "ms",
    )
    return gate, {
        "bare index search p50 ms": median([search for search, _ in floors]),
        "bare round trip p50 ms": median([trip for _, trip in floors]),
        "p99 ms": median([load.quantile_ms(0.99) for load in loads]),
    }


def _other_queries(rig: Rig, corpus: Corpus) -> dict[str, float]:
    """Not gated: many connections, filters, and questions in words."""
    vector = [row.tolist() for row in corpus.queries]
    cases = {
        "16 connections": (rig.questions, 16),
        "keeping 50 %": (_where(vector, {"group": {"$lt": 500}}), 1),
        "keeping 2 %": (_where(vector, {"group": {"$lt": 20}}), 1),
        "text": ([post("/QuerySynapse", {"query_text": t}) for t in corpus.query_texts], 1),
    }
    told: dict[str, float] = {}
    for name, (requests, connections) in cases.items():
        load = rig.asking.drive(rig.node.port, requests, connections)
        told[f"{name}: queries/s"] = median([load.rate])
        told[f"{name}: p50 ms"] = median([load.quantile_ms(0.5)])
        told[f"{name}: p99 ms"] = median([load.quantile_ms(0.99)])
    return told


def _where(vectors: Sequence[list[float]], clause: dict[str, Any]) -> list[bytes]:
    return [post("/QuerySynapse", {"query_vector": v, "where": clause}) for v in vectors]


def _beside_ingest(rig: Rig, scale: Scale) -> tuple[Gate, dict[str, float]]:
    """The peak is the sustained one: what also reaches the index, not only the tail."""
    burst, sustained = _peak(rig, scale)
    rate = sustained / 2

    def loaded(number: int) -> Load:
        requests = rig.fresh(round(rate * scale.loaded_seconds), seed=100 + number)
        ingest = rig.storing.start(rig.node.port, requests, INGEST_CONNECTIONS, rate)
        asked: list[Load] = []
        while not ingest.done():
            asked.append(rig.ask())
        ingest.result().require_ok()
        rig.node.wait_drained()
        whole = asked[:-1] or asked  # the last one ended after the ingest did
        latencies = np.concatenate([load.latencies for load in whole])
        return Load(latencies, asked[0].statuses, sum(load.seconds for load in whole))

    numbers = iter(range(scale.runs))
    loads, idles = alternate(scale.runs, lambda: loaded(next(numbers)), rig.ask)
    gate = ratio(
        f"vector query p50 beside ingest at half its sustained peak ({rate:,.0f}/s), over idle",
        [load.quantile_ms(0.5) for load in loads],
        [load.quantile_ms(0.5) for load in idles],
        "at most",
        2.0,
        "ms",
    )
    return gate, {
        "ingest peak that reaches the index, records/s": median([sustained]),
        "ingest burst peak into the tail, records/s": median([burst]),
        "beside ingest p99 ms": median([load.quantile_ms(0.99) for load in loads]),
    }


def _peak(rig: Rig, scale: Scale) -> tuple[float, float]:
    """Records per second while acknowledging, and until the index has them."""
    requests = rig.fresh(scale.ingest, seed=99)
    began = time.perf_counter()
    burst = rig.storing.drive(rig.node.port, requests, INGEST_CONNECTIONS)
    rig.node.wait_drained()
    return burst.rate, len(requests) / (time.perf_counter() - began)

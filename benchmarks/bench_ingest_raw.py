"""Ingest of ready embeddings: one a request, in batches, and on into the index."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from orjson import dumps

from benchmarks.bare import insert_rate
from benchmarks.data import Corpus, load_corpus
from benchmarks.filled import records, store_all
from benchmarks.load import Generator, Load, generator, post
from benchmarks.measure import Gate, alternate, median, ratio, results
from benchmarks.process import echo, miner
from benchmarks.scale import Scale
from engram.config import StoreSettings
from engram.core.embedding import to_base64
from engram.protocol import MAX_BATCH
from engram.storage import open_store
from engram.storage.records import Records, Row, digest_of

CONNECTIONS = 16
DRAIN_THREADS = os.cpu_count() or 1


class Bench:
    """The corpus as requests, and a fresh folder for each run."""

    def __init__(self, corpus: Corpus, scale: Scale, work: Path, load: Generator) -> None:
        self.vectors = corpus.vectors[: scale.ingest]
        self.records = records(corpus.texts[: scale.ingest], self.vectors)
        self.runs = scale.runs
        self.load = load
        self.work = work
        self._numbers = itertools.count()

    def folder(self) -> Path:
        """A path where nothing is yet."""
        return self.work / f"raw-{next(self._numbers)}"

    def items(self) -> list[dict[str, Any]]:
        """One body per vector, as most clients write it: a list of decimal numbers."""
        return [
            {"raw_embedding": row.tolist(), "metadata": {"row": number}}
            for number, row in enumerate(self.vectors)
        ]

    def into_miner(self, requests: Sequence[bytes]) -> Load:
        """All requests into a miner that starts empty; its index is drained afterwards."""
        with miner(self.folder()) as server:
            met = self.load.drive(server.port, requests, CONNECTIONS)
            server.wait_drained()
            return met


def run(scale: Scale, work: Path) -> dict[str, Any]:
    """Three claims, each against its own floor."""
    corpus = load_corpus(scale)
    with generator() as load:
        bench = Bench(corpus, scale, work, load)
        single, reported = _one_a_request(bench)
        batch = _batches(bench)
    return results([single, batch, _draining(bench)], reported)


def _one_a_request(bench: Bench) -> tuple[Gate, dict[str, Any]]:
    requests = [post("/IngestSynapse", item) for item in bench.items()]
    with echo(bench.work / "echo.log") as floor:
        loads, floors = alternate(
            bench.runs,
            lambda: bench.into_miner(requests),
            lambda: bench.load.drive(floor.port, requests, CONNECTIONS),
        )
    gate = ratio(
        f"durable ingest, one record a request, {CONNECTIONS} connections, over a bare echo",
        [load.rate for load in loads],
        [load.rate for load in floors],
        "at least",
        0.4,
        "requests/s",
    )
    base64 = [
        post("/IngestSynapse", {"embedding_b64": to_base64(row), "metadata": {"row": number}})
        for number, row in enumerate(bench.vectors)
    ]
    return gate, {
        "body bytes": len(requests[0]),
        "p50 ms": median([load.quantile_ms(0.5) for load in loads]),
        "p99 ms": median([load.quantile_ms(0.99) for load in loads]),
        "echo p50 ms": median([load.quantile_ms(0.5) for load in floors]),
        "with base64 bodies, requests/s": median([bench.into_miner(base64).rate]),
    }


def _batches(bench: Bench) -> Gate:
    items = bench.items()
    starts = range(0, len(items), MAX_BATCH)
    requests = [post("/batch/ingest", {"items": items[s : s + MAX_BATCH]}) for s in starts]
    ours, floor = alternate(
        bench.runs,
        lambda: len(items) / bench.into_miner(requests).seconds,
        lambda: _bulk_rate(bench),
    )
    name = f"durable ingest in batches of {MAX_BATCH}, over the record store's own bulk rate"
    return ratio(name, ours, floor, "at least", 0.7, "records/s")


def _bulk_rate(bench: Bench) -> float:
    """Rows per second into the records alone: no HTTP, no CIDs, no index; the better of two sizes.

    Commits hold one batch, or all that the connections can have waiting together.
    """
    rows = [
        Row(number, digest_of(new.cid), new.embedding.tobytes(), dumps(new.metadata), None, "v1", 0)
        for number, new in enumerate(bench.records, start=1)
    ]
    return max(_insert_rate(bench.folder(), rows, MAX_BATCH * many) for many in (1, CONNECTIONS))


def _insert_rate(folder: Path, rows: Sequence[Row], per_commit: int) -> float:
    folder.mkdir()
    with closing(Records(folder)) as store:
        began = time.perf_counter()
        for start in range(0, len(rows), per_commit):
            store.insert(rows[start : start + per_commit], [])
        return len(rows) / (time.perf_counter() - began)


def _draining(bench: Bench) -> Gate:
    ours, floor = alternate(
        bench.runs,
        lambda: _drain_rate(bench),
        lambda: insert_rate(bench.vectors, StoreSettings(), DRAIN_THREADS),
    )
    name = "from the first write until the index has everything, over bare FAISS inserting"
    return ratio(name, ours, floor, "at least", 0.8, "vectors/s")


def _drain_rate(bench: Bench) -> float:
    with closing(open_store(bench.folder(), StoreSettings())) as store:
        began = time.perf_counter()
        store_all(store, bench.records)
        if not store.drain(timeout=600):
            raise TimeoutError("the index did not drain")
        return len(bench.records) / (time.perf_counter() - began)

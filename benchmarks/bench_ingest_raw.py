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
from engram.storage.records import Records
from engram.storage.row import Row, digest_of

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

    def base64_items(self) -> list[dict[str, Any]]:
        """The same as base64 of the bytes."""
        return [
            {"embedding_b64": to_base64(row), "metadata": {"row": number}}
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
        parts = [_one_a_request(bench), _batches(bench), _draining(bench)]
    reported = {name: value for _, told in parts for name, value in told.items()}
    return results([gate for gate, _ in parts], reported)


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
    base64 = [post("/IngestSynapse", item) for item in bench.base64_items()]
    return gate, {
        "body bytes": len(requests[0]),
        "p50 ms": median([load.quantile_ms(0.5) for load in loads]),
        "p99 ms": median([load.quantile_ms(0.99) for load in loads]),
        "echo p50 ms": median([load.quantile_ms(0.5) for load in floors]),
        "with base64 bodies, requests/s": median([bench.into_miner(base64).rate]),
    }


def _batches(bench: Bench) -> tuple[Gate, dict[str, Any]]:
    """Batches carry base64, as our own client sends them; decimal numbers are reported.

    The floor is the store itself: the same batches, as many in flight, with no HTTP, no JSON and
    no CIDs to make. Rows into bare SQLite are reported, because nothing here can be faster.
    """
    requests = _in_batches(bench.base64_items())
    ours, floor = alternate(
        bench.runs,
        lambda: len(bench.vectors) / bench.into_miner(requests).seconds,
        lambda: _fill(bench)[0],
    )
    name = f"durable ingest in batches of {MAX_BATCH}, over the store's own bulk rate in process"
    gate = ratio(name, ours, floor, "at least", 0.7, "records/s")
    decimal = bench.into_miner(_in_batches(bench.items()))
    return gate, {
        "batches of decimal numbers, records/s": median([len(bench.vectors) / decimal.seconds]),
        "rows into bare SQLite in such batches, rows/s": median([_bare_sqlite_rate(bench)]),
    }


def _in_batches(items: Sequence[dict[str, Any]]) -> list[bytes]:
    starts = range(0, len(items), MAX_BATCH)
    return [post("/batch/ingest", {"items": items[start : start + MAX_BATCH]}) for start in starts]


def _bare_sqlite_rate(bench: Bench) -> float:
    rows = [
        Row(number, digest_of(new.cid), new.embedding.tobytes(), dumps(new.metadata), None, "v1", 0)
        for number, new in enumerate(bench.records, start=1)
    ]
    folder = bench.folder()
    folder.mkdir()
    with closing(Records(folder)) as store:
        began = time.perf_counter()
        for start in range(0, len(rows), MAX_BATCH):
            with store.committing():
                store.insert(rows[start : start + MAX_BATCH])
        return len(rows) / (time.perf_counter() - began)


def _draining(bench: Bench) -> tuple[Gate, dict[str, Any]]:
    fills, floor = alternate(
        bench.runs,
        lambda: _fill(bench),
        lambda: insert_rate(bench.vectors, StoreSettings(), DRAIN_THREADS),
    )
    name = "draining the tail into the index, over bare FAISS inserting the same vectors"
    gate = ratio(name, [rate for _, rate, _ in fills], floor, "at least", 0.8, "vectors/s")
    whole = median([rate for _, _, rate in fills])
    return gate, {"from the first write until the index has everything, vectors/s": whole}


def _fill(bench: Bench) -> tuple[float, float, float]:
    """Records per second until all are kept; of what then waits, into the index; and overall."""
    count = len(bench.records)
    with closing(open_store(bench.folder(), StoreSettings())) as store:
        began = time.perf_counter()
        store_all(store, bench.records)
        kept, waiting = time.perf_counter(), store.stats().tail
        if not store.drain(timeout=600):
            raise TimeoutError("the index did not drain")
        drained = time.perf_counter()
    return count / (kept - began), waiting / (drained - kept), count / (drained - began)

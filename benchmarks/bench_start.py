"""How long a miner with records takes to be ready, and what it then keeps in memory."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss

from benchmarks.data import load_corpus
from benchmarks.filled import filled_copy
from benchmarks.load import drive, post
from benchmarks.measure import Gate, alternate, median, results
from benchmarks.process import miner
from benchmarks.scale import Scale


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a miner."""

    seconds: float
    memory: int
    """Resident bytes once it has answered the queries."""


def run(scale: Scale, work: Path) -> dict[str, Any]:
    """Start a full miner and an empty one in turn, and read the full one's files bare."""
    corpus = load_corpus(scale)
    requests = [post("/QuerySynapse", {"query_vector": q.tolist()}) for q in corpus.queries[:100]]
    with filled_copy(corpus, work) as full:
        empty = work / "empty"
        _start(empty, requests)  # makes its files
        _start(full, requests)  # reads them into the page cache
        pairs, floors = alternate(
            scale.runs,
            lambda: (_start(full, requests), _start(empty, requests)),
            lambda: _read_bare(full),
        )
    extra = [ours.seconds - none.seconds for ours, none in pairs]
    memory = [float(ours.memory - none.memory) for ours, none in pairs]
    return results(
        [
            Gate(
                name=f"start with {scale.records:,} records: seconds beyond an empty miner's, "
                "over reading the files and loading the index",
                target=3.0,
                sense="at most",
                values=[mine / floor for mine, floor in zip(extra, floors, strict=True)],
                unit="s",
                ours=extra,
                floor=floors,
            ),
            Gate(
                name="memory beyond an empty miner's after a restart, over the vectors' bytes",
                target=1.8,
                sense="at most",
                values=[bytes_ / corpus.vectors.nbytes for bytes_ in memory],
                unit="bytes",
                ours=memory,
                floor=[float(corpus.vectors.nbytes)] * len(memory),
            ),
        ],
        {
            "empty miner ready after s": median([none.seconds for _, none in pairs]),
            "full miner ready after s": median([ours.seconds for ours, _ in pairs]),
            "empty miner's memory, MB": median([none.memory / 1e6 for _, none in pairs]),
            "full miner's memory, MB": median([ours.memory / 1e6 for ours, _ in pairs]),
        },
    )


def _start(data_dir: Path, requests: list[bytes]) -> Start:
    with miner(data_dir) as server:
        drive(server.port, requests, connections=1).require_ok()
        return Start(server.ready_seconds, server.memory)


def _read_bare(data_dir: Path) -> float:
    began = time.perf_counter()
    for path in sorted(data_dir.iterdir()):
        if path.is_file() and path.suffix != ".faiss":
            path.read_bytes()
    for path in data_dir.rglob("*.faiss"):
        faiss.read_index(str(path))
    return time.perf_counter() - began

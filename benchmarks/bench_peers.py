"""Our store beside chromadb and qdrant-client's local mode: same vectors, same process shape."""

from __future__ import annotations

import multiprocessing
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ParamSpec, TypeVar

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.bare import TOP_K, Vectors, nearest
from benchmarks.data import load_corpus
from benchmarks.measure import median, results
from benchmarks.peers import PEERS
from benchmarks.scale import Scale

BATCH = 256
QUERIES = 200  # exact search in numpy takes a while for each
P = ParamSpec("P")
T = TypeVar("T")
COUNT_SYNCS = """
import sys
from pathlib import Path
import numpy as np
from benchmarks.peers import PEERS
peer = PEERS[sys.argv[1]](Path(sys.argv[2]))
for row, vector in enumerate(np.eye(384, dtype=np.float32)[: int(sys.argv[3])]):
    peer.insert(row, ["text"], vector[None])
peer.close()
"""


@dataclass(frozen=True, slots=True)
class Visit:
    """One opening of a full store."""

    open_seconds: float
    p50_ms: float
    p99_ms: float
    recall: float
    memory: int
    """Resident bytes beyond what the process had with everything imported."""


def run(scale: Scale, work: Path) -> dict[str, Any]:
    """No gates: these numbers say where each store is the better choice."""
    inserts: dict[str, list[tuple[float, float]]] = {name: [] for name in PEERS}
    visits: dict[str, list[Visit]] = {name: [] for name in PEERS}
    for number in range(scale.runs):
        for place, name in enumerate(PEERS):
            folder = work / f"peer-{place}-{number}"
            inserts[name].append(_alone(_insert, name, folder, scale, scale.ingest))
            shutil.rmtree(folder)
    for place, name in enumerate(PEERS):
        _alone(_insert, name, work / f"peer-{place}", scale, scale.records)
    corpus = load_corpus(scale)
    queries = corpus.queries[:QUERIES]
    truth = nearest(corpus.vectors, queries, np.ones(scale.records, dtype=np.bool_))
    for _ in range(scale.runs):
        for place, name in enumerate(PEERS):
            visit = _alone(_visit, name, work / f"peer-{place}", queries, truth)
            visits[name].append(visit)
    rows = [
        _row(name, inserts[name], visits[name], work / f"peer-{place}", scale)
        for place, name in enumerate(PEERS)
    ]
    return results([], {"side by side": rows})


def _row(
    name: str,
    inserts: list[tuple[float, float]],
    visits: list[Visit],
    folder: Path,
    scale: Scale,
) -> dict[str, Any]:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {
        "store": name,
        f"kept, rows/s (batches of {BATCH}, {scale.ingest:,} rows)": median(
            [kept for kept, _ in inserts]
        ),
        "indexed, rows/s": median([settled for _, settled in inserts]),
        "disk syncs per insert of one row": _syncs_per_insert(name, folder.parent),
        f"query p50 ms ({scale.records:,} rows)": median([visit.p50_ms for visit in visits]),
        "query p99 ms": median([visit.p99_ms for visit in visits]),
        f"recall@{TOP_K}": median([visit.recall for visit in visits]),
        "open s": median([visit.open_seconds for visit in visits]),
        "memory MB": median([visit.memory / 1e6 for visit in visits]),
        "disk MB": median([size / 1e6]),
    }


def _alone(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The call's result, from a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(call, *args, **kwargs).result()


def _insert(name: str, folder: Path, scale: Scale, count: int) -> tuple[float, float]:
    """Rows per second until all are kept, and until all are indexed as well."""
    corpus = load_corpus(scale)
    with closing(PEERS[name](folder)) as peer:
        began = time.perf_counter()
        for first in range(0, count, BATCH):
            last = min(first + BATCH, count)
            peer.insert(first, corpus.texts[first:last], corpus.vectors[first:last])
        kept = time.perf_counter() - began
        peer.settle()
        return count / kept, count / (time.perf_counter() - began)


def _visit(name: str, folder: Path, queries: Vectors, truth: NDArray[np.intp]) -> Visit:
    with TemporaryDirectory() as empty:
        PEERS[name](Path(empty)).close()  # imports what it needs
    before = psutil.Process().memory_info().rss
    began = time.perf_counter()
    with closing(PEERS[name](folder)) as peer:
        peer.search(queries[0], TOP_K)
        opened = time.perf_counter() - began
        latencies = np.zeros(len(queries))
        found = 0
        for number, query in enumerate(queries):
            began = time.perf_counter()
            rows = peer.search(query, TOP_K)
            latencies[number] = time.perf_counter() - began
            found += len(set(rows) & set(truth[number].tolist()))
        p50, p99 = np.quantile(latencies, (0.5, 0.99)) * 1e3
        memory = psutil.Process().memory_info().rss - before
        return Visit(opened, float(p50), float(p99), found / truth.size, memory)


def _syncs_per_insert(name: str, work: Path) -> float | None:
    """How often an insert of one row waits for the disk; None where strace is not installed."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    few, many = (_syncs(strace, name, work / "syncs", count) for count in (20, 120))
    return (many - few) / 100


def _syncs(strace: str, name: str, folder: Path, rows: int) -> int:
    log = folder.with_suffix(".strace")
    traced = [strace, "-f", "-o", str(log), "-e", "trace=fsync,fdatasync"]
    command = [sys.executable, "-c", COUNT_SYNCS, name, str(folder), str(rows)]
    subprocess.run([*traced, *command], check=True, capture_output=True)
    shutil.rmtree(folder)
    return sum("sync(" in line for line in log.read_text().splitlines())

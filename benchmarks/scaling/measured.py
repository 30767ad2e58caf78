"""What the simulation takes from the real thing: one miner's query latency, records' sizes.

``python -m benchmarks.scaling.measured`` measures them anew, into measured.json beside this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from benchmarks import machine
from benchmarks.data import Corpus, load_corpus
from benchmarks.filled import filed_records, filled_copy
from benchmarks.load import generator, post
from benchmarks.process import miner
from benchmarks.scale import FULL
from engram.core.receipt import record_size
from engram.miner.replication.deliver import parcel_of
from engram.miner.replication.spread import copy_of_new

KEPT = Path(__file__).parent / "measured.json"
CONNECTIONS = 16
ROUNDS = 8
SHARE_OF_PEAK = 0.5  # a miner that is busy, and not overrun
POINTS = 201  # of each distribution, evenly spaced in probability, the extremes included


@dataclass(frozen=True, slots=True)
class Measured:
    """Distributions as quantiles at evenly spaced probabilities from 0 to 1."""

    latency_s: NDArray[np.float64]
    """Of a query at a miner with 100,000 records at half its peak rate, no network in between."""
    record_bytes: NDArray[np.float64]
    """What CIDs are made of."""
    packed_bytes: NDArray[np.float64]
    """The same records in a replica request."""

    @classmethod
    def load(cls) -> Measured:
        """What is kept in the repository."""
        kept = orjson.loads(KEPT.read_bytes())
        return cls(
            np.array(kept["latency_ms"]) / 1e3,
            np.array(kept["record_bytes"]),
            np.array(kept["packed_bytes"]),
        )


def drawn(quantiles: NDArray[np.float64], chances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values of a distribution at probabilities 0..1, between its quantiles on straight lines."""
    return np.interp(chances, np.linspace(0, 1, len(quantiles)), quantiles)


def measure() -> dict[str, Any]:
    """Some three minutes, most of them for filling a store."""
    corpus = load_corpus(FULL)
    fresh = filed_records(corpus)
    packed = [parcel_of(copy_of_new(record)) for record in fresh]
    latency, peak = _latencies(corpus)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine.describe(()),
        "records": len(fresh),
        "queries_per_s": round(peak * SHARE_OF_PEAK),
        "latency_ms": _points(latency * 1e3),
        "record_bytes": _points(
            np.array([record_size(new.metadata, new.model_version) for new in fresh])
        ),
        "packed_bytes": _points(np.array([len(parcel.packed.content) for parcel in packed])),
    }


def _latencies(corpus: Corpus) -> tuple[NDArray[np.float64], float]:
    """Seconds of each query, sent at an even rate; and the miner's highest rate, queries/s."""
    questions = [
        post("/QuerySynapse", {"query_vector": row.tolist(), "top_k": 10}) for row in corpus.queries
    ]
    with (
        TemporaryDirectory(prefix="engram-scaling-") as work,
        filled_copy(corpus, Path(work)) as folder,
        miner(folder) as node,
        generator() as asking,
    ):
        asking.drive(node.port, questions, CONNECTIONS)  # warms the node
        peak = asking.drive(node.port, questions, CONNECTIONS).rate
        loads = [
            asking.drive(node.port, questions, CONNECTIONS, peak * SHARE_OF_PEAK)
            for _ in range(ROUNDS)
        ]
    return np.concatenate([load.latencies for load in loads]), peak


def _points(values: NDArray[Any]) -> list[float]:
    return [round(float(q), 4) for q in np.quantile(values, np.linspace(0, 1, POINTS))]


if __name__ == "__main__":
    KEPT.write_bytes(orjson.dumps(measure(), option=orjson.OPT_INDENT_2) + b"\n")
    print(KEPT)

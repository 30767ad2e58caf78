"""Each benchmark at a tiny size: that it runs and what it returns, never how fast it was."""

from __future__ import annotations

import importlib
from math import isfinite
from pathlib import Path
from typing import Any

import pytest

from benchmarks.run import NAMES
from benchmarks.scale import Scale

GATES = {
    "placement": 2,
    "ingest_text": 1,
    "ingest_raw": 3,
    "query": 2,
    "recall": 8,
    "start": 2,
    "validator": 3,
}


@pytest.mark.parametrize("name", GATES)
def test_a_benchmark_returns_gates_over_a_floor(name: str, scale: Scale, work: Path) -> None:
    measured = importlib.import_module(f"benchmarks.bench_{name}").run(scale, work)
    assert len(measured["gates"]) == GATES[name]
    for gate in measured["gates"]:
        assert gate["values"]
        assert all(value > 0 for value in gate["floor"])
        assert all(map(isfinite, gate["ours"]))  # a few hundred records may cost nothing at all
        assert isinstance(gate["met"], bool)


def test_small_stores_are_searched_exactly(scale: Scale, work: Path) -> None:
    from benchmarks import bench_recall

    recalls: list[dict[str, Any]] = bench_recall.run(scale, work)["gates"]
    assert {gate["median"] for gate in recalls} == {1.0}


def test_peers_are_compared_only_where_they_are_installed(scale: Scale, work: Path) -> None:
    pytest.importorskip("chromadb")
    pytest.importorskip("qdrant_client")
    from benchmarks import bench_peers

    rows = bench_peers.run(scale, work)["reported"]["side by side"]
    assert [row["store"].split()[0] for row in rows] == ["engram", "chromadb", "qdrant-client"]
    assert all(row["recall@10"] > 0.9 for row in rows)


def test_every_benchmark_has_a_module() -> None:
    missing = [n for n in NAMES if not Path(f"benchmarks/bench_{n}.py").exists()]
    assert not missing

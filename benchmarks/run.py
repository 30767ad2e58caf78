"""Runs the benchmarks one after the other, each in a process of its own, and writes the results."""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import re
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from benchmarks import machine, report
from benchmarks.scale import FULL, QUICK, Scale

RESULTS = Path(__file__).parent / "results"
NAMES = (
    "core",
    "placement",
    "embedder",
    "ingest_text",
    "ingest_raw",
    "query",
    "recall",
    "start",
    "validator",
    "network",
    "peers",
)
SLOWING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Set on some machines for the sake of old OpenBLAS builds; they make a current numpy slow."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 if every gate holds, 1 if one does not."""
    options = _parse(arguments)
    unset = [name for name in SLOWING if os.environ.pop(name, None) is not None]
    scale = QUICK if options.quick else FULL
    described = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine.describe(unset),
        "scale": scale.sizes(),
    }
    measured = _measure(options.only or NAMES, scale)
    if options.quick:
        print("small sizes: nothing is written to the results")
    else:
        print(f"results: {_write(described, measured)}")
    gates = [gate for one in measured.values() for gate in one.get("gates", [])]
    print(f"{sum(gate['met'] for gate in gates)} of {len(gates)} gates met")
    return 0 if all(gate["met"] for gate in gates) else 1


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, to try the harness")
    parser.add_argument("--only", action="append", choices=NAMES, metavar="NAME", help=str(NAMES))
    return parser.parse_args(arguments)


def _measure(names: Sequence[str], scale: Scale) -> dict[str, Any]:
    measured: dict[str, Any] = {}
    with TemporaryDirectory(prefix="engram-bench-") as work:
        for name in names:
            print(f"== {name}", flush=True)
            measured[name] = _in_own_process(name, scale, Path(work))
            print(report.lines(measured[name]), flush=True)
    return measured


def _in_own_process(name: str, scale: Scale, work: Path) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_run, name, scale, work).result()


def _run(name: str, scale: Scale, work: Path) -> dict[str, Any]:
    module = importlib.import_module(f"benchmarks.bench_{name}")
    found: dict[str, Any] = module.run(scale, work)
    return found


def _write(described: dict[str, Any], measured: dict[str, Any]) -> Path:
    """Into the file of this day and machine; benchmarks that did not run now keep their numbers."""
    cpu = re.sub(r"[^a-z0-9]+", "-", described["machine"]["cpu"].lower()).strip("-")
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{described['date']}-{cpu}.json"
    before = orjson.loads(path.read_bytes()) if path.exists() else {}
    known = {name: before[name] for name in NAMES if name in before} | measured
    document = described | {name: known[name] for name in NAMES if name in known}
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    (RESULTS / "README.md").write_text(report.page(document, path.name))
    return path

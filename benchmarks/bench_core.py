"""CIDs per second: the compiled core and its Python twin beside SHA-256 over the same bytes.

python -m benchmarks.bench_core
"""

from __future__ import annotations

import hashlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.scale import FULL, Scale
from engram.core.twin import metadata_text

BATCH = 4_096
TEXT = "A memory of about the length of a chat message, with a colon: and a semicolon; in it. "

Once = Callable[[], object]


def run(scale: Scale = FULL, work: Path | None = None) -> dict[str, Any]:
    """A table of CIDs per second for each side and form. Nothing is gated and no disk is used."""
    embeddings, metadatas = _records()
    timed = {
        (who, form): once
        for who, forms in _contestants(embeddings, metadatas).items()
        for form, once in forms.items()
    }
    rates: dict[tuple[str, str], list[float]] = {name: [] for name in timed}
    for _ in range(scale.runs):
        for name, once in timed.items():
            rates[name].append(_per_second(once))
    table = [_row(who, form, found, rates["floor", form]) for (who, form), found in rates.items()]
    return {"reported": {"batch": BATCH, "CIDs per second": table}}


def _contestants(
    embeddings: NDArray[np.float32], metadatas: list[dict[str, Any]]
) -> dict[str, dict[str, Once]]:
    """Each goes once through all records, one by one and as a batch."""
    records = [
        row.tobytes() + metadata_text(metadata) + b"v1"
        for row, metadata in zip(embeddings, metadatas, strict=True)
    ]

    def floor() -> None:
        for record in records:
            hashlib.sha256(record).hexdigest()

    found: dict[str, dict[str, Once]] = {"floor": {"single": floor, "batch": floor}}
    for side in ("rust", "twin"):
        if side == "twin" or find_spec("engram_core") is not None:
            found[side] = _forms(import_module(f"engram.core.{side}"), embeddings, metadatas)
    return found


def _forms(
    rules: ModuleType, embeddings: NDArray[np.float32], metadatas: list[dict[str, Any]]
) -> dict[str, Once]:
    def single() -> None:
        for embedding, metadata in zip(embeddings, metadatas, strict=True):
            rules.generate_cid(embedding, metadata)

    return {"single": single, "batch": lambda: rules.generate_cids(embeddings, metadatas)}


def _records() -> tuple[NDArray[np.float32], list[dict[str, Any]]]:
    embeddings = np.random.default_rng(0).standard_normal((BATCH, 384)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    metadatas: list[dict[str, Any]] = [
        {"text": TEXT, "namespace": "default", "page": page, "score": page / 8}
        for page in range(BATCH)
    ]
    return embeddings, metadatas


def _per_second(once: Once) -> float:
    start = time.perf_counter()
    once()
    return BATCH / (time.perf_counter() - start)


def _row(who: str, form: str, rates: list[float], floor: list[float]) -> dict[str, Any]:
    ratios = [ours / theirs for ours, theirs in zip(rates, floor, strict=True)]
    return {
        "side": who,
        "form": form,
        "CIDs/s": round(statistics.median(rates)),
        "lowest": round(min(rates)),
        "highest": round(max(rates)),
        "of the floor": statistics.median(ratios),
    }


def _lines(table: list[dict[str, Any]]) -> str:
    heads = list(table[0])
    rows = [heads] + [
        [
            f"{cell:,.3g}"
            if isinstance(cell, float)
            else f"{cell:,}"
            if isinstance(cell, int)
            else cell
            for cell in row.values()
        ]
        for row in table
    ]
    return "\n".join("".join(f"{cell:>14}" for cell in row) for row in rows)


if __name__ == "__main__":
    measured = run()
    print(_lines(measured["reported"]["CIDs per second"]), file=sys.stderr)
    json.dump(measured, sys.stdout, indent=1)

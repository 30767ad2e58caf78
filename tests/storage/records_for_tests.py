"""Records that are easy to make, and an exact search to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engram.config import StoreSettings
from engram.core import generate_cid
from engram.core.embedding import from_numbers
from engram.core.where import Where, matches, parse_where
from engram.storage import NewRecord, Stored, VectorStore

Vectors = NDArray[np.float32]

TINY = StoreSettings(hnsw_m=16, ef_construction=64, ef_search=256, tail_limit=64, snapshot_every=8)
"""So that a few records fill the tail and write snapshots, and HNSW reaches all of them."""


def vectors(count: int, seed: int = 0) -> Vectors:
    """Random vectors of no particular length, float32 (count, 384)."""
    drawn = np.random.default_rng(seed).standard_normal((count, 384))
    return np.stack([from_numbers(row) for row in drawn])


def clustered(count: int, seed: int = 0, clusters: int = 50) -> Vectors:
    """Vectors around a few centres, as real embeddings lie, float32 (count, 384)."""
    centres = np.random.default_rng(99).standard_normal((clusters, 384))
    rng = np.random.default_rng(seed)
    drawn = centres[rng.integers(0, clusters, count)] + 0.7 * rng.standard_normal((count, 384))
    return np.stack([from_numbers(row) for row in drawn])


def record(
    vector: Vectors, metadata: dict[str, Any] | None = None, text: str | None = None
) -> NewRecord:
    """A record with the CID of its bytes."""
    metadata = metadata or {}
    return NewRecord(generate_cid(vector, metadata), vector, metadata, text)


def records(count: int, seed: int = 0) -> list[NewRecord]:
    """Distinct records with a few kinds of metadata."""
    return [
        record(vector, {"n": n, "parity": "odd" if n % 2 else "even", "seed": seed})
        for n, vector in enumerate(vectors(count, seed))
    ]


def put(store: VectorStore, *new: NewRecord) -> list[Stored | Exception]:
    """Store records and wait for them."""
    return store.submit(new).result(timeout=60)


def cosine(vector: Vectors, others: Vectors) -> NDArray[np.float64]:
    """Cosine similarities in binary64."""
    left, right = vector.astype(np.float64), others.astype(np.float64)
    norms = np.linalg.norm(left) * np.linalg.norm(right, axis=1)
    similarities: NDArray[np.float64] = (right @ left) / norms
    return similarities


def exact_search(
    held: Sequence[NewRecord], vector: Vectors, top_k: int, where: Where | None = None
) -> list[tuple[str, float]]:
    """What a search must find: (cid, score), by score, ties by CID."""
    found = [r for r in held if where is None or matches(where, r.metadata)]
    if not found:
        return []
    scores = cosine(vector, np.stack([r.embedding for r in found])).astype(np.float32)
    ranked = sorted(
        zip((r.cid for r in found), scores.tolist(), strict=True), key=lambda p: (-p[1], p[0])
    )
    return ranked[:top_k]


def filter_of(**clause: Any) -> Where:
    """A parsed filter."""
    return parse_where(clause)

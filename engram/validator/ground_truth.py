"""What a miner should answer: exact, because the validator knows every vector it is asked about."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engram.core.embedding import Embedding, normalise
from engram.core.scores import RECALL_K, recall_at_k
from engram.protocol import MAX_TOP_K, QueryHit
from engram.validator.state.pool import KnownRecord

SAME_SCORE = 1e-5  # cosines closer than this may swap places in another machine's arithmetic
BLEND = 0.35  # of another record in a probe's query: near its record, and like no record
NOISE = 0.15  # norm of what is added on top
ROUND_NUMBERS = (10, 20, 50, MAX_TOP_K)  # what people ask for

Unit = NDArray[np.float32]
"""float32, shape (n, 384), rows of unit length."""


@dataclass(frozen=True, slots=True)
class Known:
    """Records with their directions, for exact search."""

    ids: tuple[int, ...]
    cids: tuple[str, ...]
    directions: Unit

    def ranked(self, query: Embedding) -> list[Ranked]:
        """All of them, the nearest to a query first."""
        scores = self.directions @ normalise(query)
        return [
            Ranked(self.ids[row], self.cids[row], float(scores[row]))
            for row in np.argsort(-scores).tolist()
        ]


class Ranked(NamedTuple):
    """A record's place among the answers to a query."""

    id: int
    cid: str
    score: float
    """Cosine similarity."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A search whose right answer is known; asked in one round and never again."""

    record: KnownRecord
    """The query lies near it."""
    query: Embedding
    namespace: str | None
    """Where it searches; None for a spot probe, which searches everything."""

    @property
    def digest(self) -> str:
        """Names the probe without giving it away."""
        return hashlib.sha256(self.query.tobytes()).hexdigest()


@dataclass(frozen=True, slots=True)
class Truth:
    """What one miner owes to one probe."""

    top_k: int
    """Results to ask for: enough for the right ones whatever else of the namespace it holds."""
    k: int
    right: frozenset[str]
    """CIDs of which ``k`` are to be among its results; more than ``k`` where some tie."""
    obliged: frozenset[str]
    """CIDs that count as results at all."""


def known_of(records: Iterable[KnownRecord]) -> Known:
    """The records, searchable."""
    listed = list(records)
    directions = np.array([normalise(r.vector) for r in listed], np.float32).reshape(-1, 384)
    return Known(tuple(r.id for r in listed), tuple(r.cid for r in listed), directions)


def query_near(record: KnownRecord, other: KnownRecord, random: Random) -> Embedding:
    """A query near a record, a little towards another one: nothing that was ever stored."""
    noise = np.array([random.gauss(0, 1) for _ in range(384)])
    mixed = (
        normalise(record.vector).astype(np.float64)
        + BLEND * normalise(other.vector)
        + NOISE * noise / np.linalg.norm(noise)
    )
    return normalise(mixed.astype(np.float32))


def truth_of(ranked: Sequence[Ranked], obliged: set[int], may_hold: set[int]) -> Truth | None:
    """What a miner owes to a query that is obliged to hold some records; None for nothing.

    ``ranked``: the namespace, the nearest first. ``may_hold``: records that the miner was ever
    offered; they may stand between the right ones. Of those that lie deeper than a search can go
    none is asked for.
    """
    held = may_hold | obliged
    seen = [one for one in ranked if one.id in held]
    depths = [n for n, one in enumerate(seen[:MAX_TOP_K], 1) if one.id in obliged][:RECALL_K]
    if not depths:
        return None
    last = seen[depths[-1] - 1].score
    mine = [one for one in seen if one.id in obliged]
    return Truth(
        top_k=min(number for number in ROUND_NUMBERS if number >= depths[-1]),
        k=len(depths),
        right=frozenset(one.cid for one in mine if one.score >= last - SAME_SCORE),
        obliged=frozenset(one.cid for one in mine),
    )


def recall_of(truth: Truth, results: Sequence[QueryHit]) -> float:
    """recall@k' (0..1) of a miner's results; what it is not obliged to hold is passed over."""
    found = [hit.cid for hit in results if hit.cid in truth.obliged]
    return recall_at_k(found, truth.right, truth.k)

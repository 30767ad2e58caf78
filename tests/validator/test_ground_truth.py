"""The exact truth: right whatever else a miner holds, and fair where scores tie."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.core.embedding import normalise
from engram.protocol import QueryHit
from engram.validator.ground_truth import Known, known_of, query_near, recall_of, truth_of
from engram.validator.state.pool import KnownRecord

COUNT = 40


def records(seed: int = 0, count: int = COUNT) -> list[KnownRecord]:
    rows = np.random.default_rng(seed).standard_normal((count, 384)).astype(np.float32)
    return [KnownRecord(n, f"v1::{n:064x}", row, 1) for n, row in enumerate(rows)]


def answer(known: Known, query: np.ndarray, holds: set[int], top_k: int) -> list[QueryHit]:
    """What an honest miner says that holds these records of the namespace."""
    scores = known.scores(query)
    ranked = sorted((row for row in range(COUNT) if row in holds), key=lambda row: -scores[row])
    return [
        QueryHit(cid=known.cids[r], score=float(scores[r]), metadata={}, text=None, age_ms=1)
        for r in ranked[:top_k]
    ]


subsets = st.sets(st.integers(0, COUNT - 1))


@settings(deadline=None)
@given(subsets.filter(bool), subsets, subsets, st.integers(0, 99))
def test_an_honest_miner_recalls_everything_whatever_else_it_was_offered(
    obliged: set[int], offered: set[int], kept: set[int], seed: int
) -> None:
    listed = records()
    known = known_of(listed)
    query = query_near(listed[seed % COUNT], listed[(seed + 7) % COUNT], Random(seed))
    truth = truth_of(query, known, obliged, offered)
    assert truth is not None
    assert truth.k == min(10, len(obliged))
    holds = obliged | (offered & kept)
    assert recall_of(truth, answer(known, query, holds, truth.top_k)) == 1


@settings(deadline=None)
@given(st.sets(st.integers(0, COUNT - 1), min_size=10), st.integers(0, 99))
def test_recall_is_the_share_of_the_best_ten_that_is_there(obliged: set[int], seed: int) -> None:
    listed = records()
    known = known_of(listed)
    query = query_near(listed[0], listed[1], Random(seed))
    truth = truth_of(query, known, obliged, set())
    assert truth is not None
    scores = known.scores(query)
    best = sorted(obliged, key=lambda n: -scores[n])[:10]
    lost = set(best[::2])
    hits = answer(known, query, obliged - lost, truth.top_k)
    assert recall_of(truth, hits) == 0.5


def test_what_is_not_owed_is_passed_over() -> None:
    listed = records()
    known = known_of(listed)
    truth = truth_of(listed[0].vector, known, {0, 1, 2}, set())
    assert truth is not None
    strangers = [
        QueryHit(cid=f"v1::{n + 1_000:064x}", score=1.0, metadata={}, text=None, age_ms=1)
        for n in range(7)
    ]
    assert recall_of(truth, [*strangers, *answer(known, listed[0].vector, {0, 1, 2}, 3)]) == 1
    assert recall_of(truth, strangers) == 0


def test_twins_may_stand_in_either_order() -> None:
    listed = records(count=12)
    twin = KnownRecord(12, f"v1::{12:064x}", listed[11].vector, 1)
    known = known_of([*listed, twin])
    scores = known.scores(-listed[11].vector)  # so that the twins are the last of all
    assert np.argsort(-scores)[-2:].tolist() in ([11, 12], [12, 11])
    truth = truth_of(-listed[11].vector, known, {11, 12} | set(range(9)), set())
    assert truth is not None
    ranked = sorted(range(9), key=lambda row: -scores[row])
    for last in (11, 12):
        hits = [
            QueryHit(cid=known.cids[r], score=float(scores[r]), metadata={}, text=None, age_ms=1)
            for r in [*ranked, last]
        ]
        assert recall_of(truth, hits) == 1


def test_nothing_is_asked_of_whoever_owes_nothing() -> None:
    known = known_of(records())
    assert truth_of(known.directions[0], known, set(), {1, 2}) is None


def test_a_query_is_near_its_record_and_is_never_one() -> None:
    listed = records()
    seen = set()
    for seed in range(50):
        query = query_near(listed[3], listed[4], Random(seed))
        cosine = float(normalise(listed[3].vector) @ query)
        assert 0.85 < cosine < 0.99
        seen.add(query.tobytes())
    assert len(seen) == 50

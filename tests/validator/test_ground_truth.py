"""The exact truth: right whatever else a miner holds, and fair where scores tie."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engram.core.embedding import normalise
from engram.protocol import QueryHit
from engram.validator.ground_truth import Known, Ranked, known_of, query_near, recall_of, truth_of
from engram.validator.state.pool import KnownRecord

COUNT = 40


def records(seed: int = 0, count: int = COUNT) -> list[KnownRecord]:
    rows = np.random.default_rng(seed).standard_normal((count, 384)).astype(np.float32)
    return [KnownRecord(n, f"v1::{n:064x}", row, 1) for n, row in enumerate(rows)]


def answer(known: Known, query: np.ndarray, holds: set[int], top_k: int) -> list[QueryHit]:
    """What an honest miner says that holds these records of the namespace."""
    return [hit(one) for one in known.ranked(query) if one.id in holds][:top_k]


def hit(one: Ranked) -> QueryHit:
    return QueryHit(cid=one.cid, score=one.score, metadata={}, text=None, age_ms=1)


subsets = st.sets(st.integers(0, COUNT - 1))


@settings(deadline=None)
@given(subsets.filter(bool), subsets, subsets, st.integers(0, 99))
def test_an_honest_miner_recalls_everything_whatever_else_it_was_offered(
    obliged: set[int], offered: set[int], kept: set[int], seed: int
) -> None:
    listed = records()
    known = known_of(listed)
    query = query_near(listed[seed % COUNT], listed[(seed + 7) % COUNT], Random(seed))
    truth = truth_of(known.ranked(query), obliged, offered)
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
    truth = truth_of(known.ranked(query), obliged, set())
    assert truth is not None
    assume(len(truth.right) == 10)  # of two that tie for the tenth place either will do
    best = [one.id for one in known.ranked(query) if one.id in obliged][:10]
    lost = set(best[::2])
    hits = answer(known, query, obliged - lost, truth.top_k)
    assert recall_of(truth, hits) == 0.5


def test_what_is_not_owed_is_passed_over() -> None:
    listed = records()
    known = known_of(listed)
    truth = truth_of(known.ranked(listed[0].vector), {0, 1, 2}, set())
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
    ranked = known_of([*listed, twin]).ranked(-listed[11].vector)  # the twins are the last of all
    assert {one.id for one in ranked[-2:]} == {11, 12}
    truth = truth_of(ranked, {11, 12} | set(range(9)), set())
    assert truth is not None
    others = [hit(one) for one in ranked if one.id < 9]
    for last in ranked[-2:]:
        assert recall_of(truth, [*others, hit(last)]) == 1


def test_nothing_is_asked_of_whoever_owes_nothing() -> None:
    known = known_of(records())
    assert truth_of(known.ranked(known.directions[0]), set(), {1, 2}) is None


def test_a_query_is_near_its_record_and_is_never_one() -> None:
    listed = records()
    seen = set()
    for seed in range(50):
        query = query_near(listed[3], listed[4], Random(seed))
        cosine = float(normalise(listed[3].vector) @ query)
        assert 0.85 < cosine < 0.99
        seen.add(query.tobytes())
    assert len(seen) == 50

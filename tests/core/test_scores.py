"""The formulas of scoring: their fixed points, bounds and orders."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.core.scores import (
    PROOF_WINDOW,
    average,
    composite,
    is_slashed,
    latency_score,
    normalise,
    proof_rate,
    recall_at_k,
)

share = st.floats(0, 1)
names = st.text("abcdef", min_size=1, max_size=3)


@pytest.mark.parametrize(
    ("milliseconds", "score"), [(0, 1), (50, 1), (100, 1), (200, 0.75), (300, 0.5), (500, 0)]
)
def test_latency_is_linear_between_100_and_500_ms(milliseconds: float, score: float) -> None:
    assert latency_score(milliseconds) == pytest.approx(score)


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_slower_is_never_better(one: float, other: float) -> None:
    fast, slow = sorted([one, other])
    assert 0 <= latency_score(slow) <= latency_score(fast) <= 1


@pytest.mark.parametrize("bad", [-1.0, math.nan])
def test_a_latency_is_a_length_of_time(bad: float) -> None:
    with pytest.raises(ValueError, match="not negative"):
        latency_score(bad)


def test_the_parts_weigh_50_30_20() -> None:
    assert composite(1, 0, 0) == pytest.approx(0.5)
    assert composite(0, 1, 0) == pytest.approx(0.3)
    assert composite(0, 0, 1) == pytest.approx(0.2)


@given(share, share, share)
def test_a_composite_is_a_share(recall: float, latency: float, proofs: float) -> None:
    assert 0 <= composite(recall, latency, proofs) <= 1 + 1e-12


@pytest.mark.parametrize("bad", [1.1, -0.1, math.nan])
def test_parts_outside_of_their_range_are_a_bug(bad: float) -> None:
    with pytest.raises(ValueError, match=r"0\.\.1"):
        composite(bad, 1, 1)


@given(st.lists(names, unique=True), st.sets(names, min_size=1), st.integers(1, 12))
def test_recall_is_the_share_of_what_was_wanted(
    found: list[str], relevant: set[str], k: int
) -> None:
    recall = recall_at_k(found, relevant, k)
    assert 0 <= recall <= 1
    assert recall == min(len(set(found[:k]) & relevant), k) / min(k, len(relevant))


@given(st.sets(names, min_size=1, max_size=10))
def test_everything_found_is_1_and_nothing_is_0(relevant: set[str]) -> None:
    assert recall_at_k(sorted(relevant), relevant, len(relevant)) == 1
    assert recall_at_k([], relevant, 10) == 0


def test_what_stands_behind_the_first_k_does_not_count() -> None:
    assert recall_at_k(["x", "a"], {"a"}, 1) == 0


def test_a_result_repeated_is_a_bug_of_the_caller() -> None:
    with pytest.raises(ValueError, match="twice"):
        recall_at_k(["a", "a"], {"a", "b"}, 2)


@given(st.lists(share, max_size=80))
def test_the_proof_rate_is_the_mean_of_the_last_30(values: list[float]) -> None:
    rate = proof_rate(values)
    last = values[-PROOF_WINDOW:]
    assert rate == (None if not last else pytest.approx(sum(last) / len(last)))


def test_the_line_is_at_half_after_five_values() -> None:
    assert not is_slashed([0, 0, 0, 0])
    assert is_slashed([0, 0, 0, 0, 0])
    assert not is_slashed([1, 0, 1, 0])
    assert not is_slashed([1, 0] * 15)
    assert is_slashed([1] * 14 + [0] * 16)


def test_whoever_stops_proving_is_slashed_within_16_values() -> None:
    values = [1.0] * 100
    failures = 0
    while not is_slashed(values):
        values.append(0.0)
        failures += 1
    assert failures == 16  # two values a challenge round: 8 rounds


@given(st.dictionaries(names, st.floats(0, 1), max_size=20))
def test_weights_are_proportional_and_add_up_to_1(composites: dict[str, float]) -> None:
    weights = normalise(composites)
    if not any(composites.values()):
        assert weights == {}
        return
    assert sum(weights.values()) == pytest.approx(1)
    total = sum(composites.values())
    for name, value in composites.items():
        assert weights.get(name, 0) == pytest.approx(value / total)


def test_nobody_is_weighed_when_all_composites_are_0() -> None:
    assert normalise({"a": 0.0, "b": 0.0}) == {}
    assert normalise({}) == {}


@given(share, st.lists(share, min_size=1))
def test_a_moving_average_stays_among_its_values(first: float, more: list[float]) -> None:
    now = average(None, first)
    assert now == first
    for value in more:
        now = average(now, value)
    assert min([first, *more]) - 1e-9 <= now <= max([first, *more]) + 1e-9

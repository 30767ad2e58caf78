"""Weights cut to a chain's limit and written as its numbers."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.chain.weighing import U16_MAX, capped, require_weights, to_u16
from engram.errors import ChainRejected

WEIGHTS = st.dictionaries(
    st.integers(0, 255), st.floats(0, 1e300, allow_subnormal=False), min_size=1, max_size=40
)
CLOSE = 1e-9


def test_what_is_cut_goes_to_the_others_in_their_proportion() -> None:
    # 8 : 1 : 1 under 0.5: the first is cut to 0.5, the others keep 1 : 1.
    assert capped({0: 8, 1: 1, 2: 1}, 0.5) == pytest.approx({0: 0.5, 1: 0.25, 2: 0.25})
    # 6 : 3 : 1 under 0.4: cutting the first alone leaves 0.45 for the second, so both are cut.
    assert capped({0: 6, 1: 3, 2: 1}, 0.4) == pytest.approx({0: 0.4, 1: 0.4, 2: 0.2})


def test_too_few_to_meet_the_limit_are_made_equal() -> None:
    assert capped({3: 9, 5: 1}, 0.3) == {3: 0.5, 5: 0.5}


@given(WEIGHTS, st.floats(0.01, 1))
def test_shares_stay_within_the_limit_and_in_order(weights: dict[int, float], limit: float) -> None:
    shares = capped(weights, limit)
    assert set(shares) <= {uid for uid, weight in weights.items() if weight > 0}
    if not shares:
        return
    assert sum(shares.values()) == pytest.approx(1)
    if len(shares) * limit >= 1:
        assert max(shares.values()) <= limit + CLOSE
    order = sorted(shares, key=lambda uid: weights[uid])
    assert all(shares[a] <= shares[b] + CLOSE for a, b in pairwise(order))


@given(WEIGHTS)
def test_without_a_limit_only_the_scale_changes(weights: dict[int, float]) -> None:
    shares = capped(weights, 1.0)
    top, largest = max(weights.values()), max(shares.values(), default=0.0)
    for uid, share in shares.items():
        assert share / largest == pytest.approx(weights[uid] / top)


@given(WEIGHTS)
def test_the_largest_is_65535_and_none_is_0(weights: dict[int, float]) -> None:
    pairs = to_u16(capped(weights, 1.0))
    assert [uid for uid, _ in pairs] == sorted({uid for uid, _ in pairs})
    assert all(1 <= weight <= U16_MAX for _, weight in pairs)
    if any(weights.values()):
        assert max(weight for _, weight in pairs) == U16_MAX


@pytest.mark.parametrize("bad", [-0.1, float("nan"), float("inf"), float("-inf")])
def test_a_bad_weight_names_its_hotkey(bad: float) -> None:
    with pytest.raises(ChainRejected, match="ann"):
        require_weights({"ben": 1.0, "ann": bad})

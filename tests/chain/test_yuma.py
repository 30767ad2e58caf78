"""Yuma consensus against cases worked out by hand, and what must hold for any subnet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engram.chain.dev.yuma import (
    Consensus,
    Floats,
    Subnet,
    apportion,
    majority_weight,
    next_bonds,
    normalised,
    yuma,
)


def subnet(
    stake: list[float], says: dict[int, list[float]], bonds: dict[int, list[float]] | None = None
) -> Subnet:
    """A subnet of UIDs: whoever has stake votes; ``says`` and ``bonds`` are whole rows."""
    size = len(stake)

    def matrix(rows: dict[int, list[float]] | None) -> Floats:
        made = np.zeros((size, size))
        for uid, row in (rows or {}).items():
            made[uid] = row
        return made

    amounts = np.array(stake, np.float64)
    return Subnet(amounts, amounts > 0, matrix(says), matrix(bonds))


def run(state: Subnet, *, kappa: float = 0.5, beta: float = 1.0, alpha: float = 0.1) -> Consensus:
    return yuma(state, kappa=kappa, beta=beta, alpha=alpha)


# Three validators (UIDs 0 to 2) with half, 30 % and 20 % of the stake; two miners (UIDs 3 and 4).
# The first likes only miner 3, the last only miner 4, the second both.
DIVIDED = subnet(
    [50, 30, 20, 0, 0],
    {0: [0, 0, 0, 1, 0], 1: [0, 0, 0, 1, 1], 2: [0, 0, 0, 0, 7]},
)


def test_the_majority_is_a_stake_weighted_median() -> None:
    # Miner 3: 1 from 0.5 of the stake, 0.5 from another 0.3. At kappa 0.5 the first is enough: 1.
    # Miner 4: 1 from 0.2, 0.5 from another 0.3. Together 0.5 give 0.5 or more: 0.5.
    found = run(DIVIDED)
    assert found.consensus[3:].tolist() == [1.0, 0.5]
    # Clipped, validator 2 keeps 0.5 of its 1; the others keep all.
    assert found.trust.tolist() == [1.0, 1.0, 0.5, 0.0, 0.0]
    # Ranks: miner 3 has 0.5 x 1 + 0.3 x 0.5 = 0.65, miner 4 has 0.3 x 0.5 + 0.2 x 0.5 = 0.25.
    assert found.incentive[3:] == pytest.approx([0.65 / 0.90, 0.25 / 0.90])


def test_a_larger_kappa_needs_more_agreement() -> None:
    # At kappa 0.6 miner 3 gets 0.5 (from 0.8 of the stake); for miner 4 only 0.5 of the stake
    # gives anything, so 0.
    found = run(DIVIDED, kappa=0.6)
    assert found.consensus[3:].tolist() == [0.5, 0.0]
    assert found.incentive[3:].tolist() == [1.0, 0.0]


def test_first_dividends_are_shares_of_what_was_not_clipped() -> None:
    # Bonds at first are S x clipped W, per miner: on miner 3 0.50 : 0.15, on miner 4 0.15 : 0.10.
    # Weighted by incentive the divisors cancel: 0.50, 0.15 + 0.15, 0.10, over 0.90.
    found = run(DIVIDED)
    assert found.bonds[:3, 3] == pytest.approx([0.50 / 0.65, 0.15 / 0.65, 0])
    assert found.bonds[:3, 4] == pytest.approx([0, 0.15 / 0.25, 0.10 / 0.25])
    assert found.dividends[:3] == pytest.approx([0.50 / 0.90, 0.30 / 0.90, 0.10 / 0.90])


def test_without_a_penalty_bonds_are_on_what_was_said() -> None:
    # Beta 0: on miner 4 0.15 : 0.20 instead of 0.15 : 0.10.
    found = run(DIVIDED, beta=0.0)
    assert found.bonds[:3, 4] == pytest.approx([0, 0.15 / 0.35, 0.20 / 0.35])
    # Beta 0.5: half of the clipped part counts, 0.15 : 0.2 x 0.75.
    found = run(DIVIDED, beta=0.5)
    assert found.bonds[:3, 4] == pytest.approx([0, 0.5, 0.5])


def test_bonds_move_slowly() -> None:
    # Two equal validators say the same; all bonds on the miner were the first's. With alpha 0.1 the
    # second gets a tenth of the half that it would have: 0.05. After another epoch: 0.095.
    state = subnet([1, 1, 0], {0: [0, 0, 1], 1: [0, 0, 1]}, {0: [0, 0, 1]})
    first = run(state)
    assert first.bonds[:2, 2] == pytest.approx([0.95, 0.05])
    assert first.dividends[:2] == pytest.approx([0.95, 0.05])
    second = run(Subnet(state.stake, state.votes, state.weights, first.bonds))
    assert second.bonds[:2, 2] == pytest.approx([0.905, 0.095])


def test_bonds_on_a_miner_that_nobody_weights_stay_as_they_were() -> None:
    before = np.array([[0.75, 0.0], [0.25, 0.0]])
    after = next_bonds(before, np.array([0.5, 0.5]), np.zeros((2, 2)), 0.1)
    assert after == pytest.approx(before)


def test_who_may_not_vote_changes_nothing() -> None:
    silent = Subnet(
        DIVIDED.stake, np.array([True, True, False, False, False]), DIVIDED.weights, DIVIDED.bonds
    )
    without = subnet([50, 30, 0, 0, 0], {0: [0, 0, 0, 1, 0], 1: [0, 0, 0, 1, 1]})
    for name in ("incentive", "dividends", "consensus", "trust", "bonds"):
        assert getattr(run(silent), name).tolist() == getattr(run(without), name).tolist()


def test_a_lone_deviating_validator_is_clipped() -> None:
    # Two honest validators with 0.8 of the stake say 3 : 1, one with 0.2 gives all to miner 4.
    honest = [0.0, 0, 0, 3, 1]
    found = run(subnet([40, 40, 20, 0, 0], {0: honest, 1: honest, 2: [0, 0, 0, 0, 1]}))
    assert found.consensus[3:].tolist() == [0.75, 0.25]
    assert found.trust[:3].tolist() == [1, 1, 0.25]
    # Miner 3: 0.8 x 0.75 = 0.60. Miner 4: 0.8 x 0.25 + 0.2 x 0.25 = 0.25, not 0.40 as it wished.
    assert found.incentive[3:] == pytest.approx([0.60 / 0.85, 0.25 / 0.85])
    assert found.dividends[2] == pytest.approx(0.05 / 0.85)
    assert found.dividends[2] < 0.2


@pytest.mark.parametrize("state", [subnet([0, 0], {}), subnet([1, 0], {}), subnet([1], {0: [0]})])
def test_where_nobody_is_weighted_nobody_earns(state: Subnet) -> None:
    found = run(state)
    assert not found.incentive.any()
    assert not found.dividends.any()


SIZE = st.shared(st.integers(1, 12), key="size")
AMOUNT = st.one_of(st.just(0.0), st.floats(1e-6, 1e6))


def matrices() -> Any:
    return SIZE.flatmap(lambda n: arrays(np.float64, (n, n), elements=AMOUNT))


@st.composite
def subnets(draw: st.DrawFn) -> Subnet:
    size = draw(SIZE)
    weights = draw(matrices())
    np.fill_diagonal(weights, 0.0)
    return Subnet(
        draw(arrays(np.float64, size, elements=AMOUNT)),
        draw(arrays(np.bool_, size)),
        weights,
        draw(matrices()),
    )


SHARE = st.floats(0, 1)


@given(subnets(), SHARE, SHARE, st.floats(1e-3, 1))
def test_shares_are_shares(state: Subnet, kappa: float, beta: float, alpha: float) -> None:
    found = run(state, kappa=kappa, beta=beta, alpha=alpha)
    for shares in (found.incentive, found.dividends, *found.bonds.T):
        assert (shares >= 0).all()
        assert shares.sum() == pytest.approx(1) or not shares.any()
    assert (found.trust <= 1 + 1e-9).all()
    assert not found.incentive.any() or found.dividends.any()


@given(subnets(), st.floats(0.01, 1))
def test_the_majority_weight_is_the_largest_that_kappa_stands_behind(
    state: Subnet, kappa: float
) -> None:
    stake = normalised(state.stake)
    agreed = majority_weight(stake, state.weights, kappa)
    if not stake.any():
        assert not agreed.any()
        return
    for miner, weight in enumerate(agreed):
        given_by = state.weights[:, miner]
        assert stake[given_by >= weight].sum() >= kappa - 1e-9
        assert stake[given_by > weight].sum() < kappa + 1e-9


@given(subnets(), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_only_proportions_count(state: Subnet, coins: float, words: float) -> None:
    scaled = Subnet(state.stake * coins, state.votes, state.weights * words, state.bonds)
    one, other = run(state, kappa=0.501), run(scaled, kappa=0.501)
    assert other.incentive == pytest.approx(one.incentive, abs=1e-6)


@given(st.integers(0, 10**15), arrays(np.float64, st.integers(1, 20), elements=AMOUNT))
def test_nothing_is_lost_in_sharing_out(amount: int, shares: Floats) -> None:
    parts = apportion(amount, shares)
    assert sum(parts) == (amount if shares.any() else 0)
    exact = normalised(shares) * amount
    assert all(abs(part - share) <= 2 for part, share in zip(parts, exact, strict=True))


def test_what_rounding_leaves_goes_to_the_largest_remainders() -> None:
    # 10 in thirds: 3.33 each; the one left over goes to the first.
    assert apportion(10, np.array([1.0, 1.0, 1.0])) == [4, 3, 3]
    # 10 by 5 : 3 : 1 is 5.56, 3.33, 1.11: 5, 3, 1 and one left for the largest remainder.
    assert apportion(10, np.array([5.0, 3.0, 1.0])) == [6, 3, 1]

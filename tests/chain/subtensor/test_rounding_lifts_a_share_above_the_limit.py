"""The runtime compares whole numbers exactly: rounding must not lift the largest share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engram.chain.interface import Block
from engram.chain.subtensor.subnet import Subnet
from engram.chain.subtensor.weights import fitted
from engram.chain.weighing import U16_MAX, capped, to_u16

RULES: dict[str, Any] = {
    "tempo": 360,
    "weights_rate_limit": 100,
    "weights_version": 0,
    "min_allowed_weights": 1,
    "commit_reveal_weights_enabled": False,
    "commit_reveal_period": 1,
    "immunity_period": 100,
    "activity_cutoff": 100,
    "max_uids": 256,
    "max_validators": 64,
}


def pairs_of(weights: Mapping[str, float], limit: int, mine: int = 0) -> list[tuple[int, int]]:
    """The weights of neurons "1", "2"... as UID ``mine`` would send them; ``limit`` as u16."""
    hotkeys = [str(uid) for uid in range(max((int(name) for name in weights), default=0) + 1)]
    raw = RULES | {"hotkeys": hotkeys, "max_weights_limit": limit}
    subnet = Subnet(1, Block(1, bytes(32)), raw)
    return fitted(subnet, mine, weights, subnet.rules(0.0, 12.0))


def exceeds(pairs: list[tuple[int, int]], limit: int) -> bool:
    """The runtime's check: max / sum above limit / 65535."""
    values = [weight for _, weight in pairs]
    return max(values) * U16_MAX > limit * sum(values)


@given(
    st.lists(st.floats(0.001, 1000), min_size=3, max_size=40),
    st.integers(U16_MAX // 2 - 2, U16_MAX),
)
@example([1.0, 0.4, 0.6], U16_MAX // 2)
def test_no_share_is_above_the_limit(given_weights: list[float], limit: int) -> None:
    weights = {str(uid): weight for uid, weight in enumerate(given_weights, 1)}
    assert not exceeds(pairs_of(weights, limit), limit)


def test_plain_rounding_would_exceed_it() -> None:
    """Otherwise the test above would show nothing."""
    limit = U16_MAX // 3
    found = (
        to_u16(capped({1: 9.0, 2: 1.0, 3: 1.0 + step / 97, 4: 1.5}, limit / U16_MAX))
        for step in range(97)
    )
    assert any(exceeds(pairs, limit) for pairs in found)


@given(st.floats(0.001, 1000))
def test_a_weight_for_oneself_alone_is_exempt(weight: float) -> None:
    assert pairs_of({"3": weight}, 100, mine=3) == [(3, U16_MAX)]


def test_without_a_limit_proportions_are_kept() -> None:
    assert pairs_of({"1": 3.0, "2": 1.0}, U16_MAX) == [(1, U16_MAX), (2, pytest.approx(21845))]


def test_a_hotkey_that_is_gone_is_left_out() -> None:
    raw = RULES | {"hotkeys": ["a", "b"], "max_weights_limit": U16_MAX}
    subnet = Subnet(1, Block(1, bytes(32)), raw)
    weights = {"gone": 9.0, "b": 1.0}
    assert fitted(subnet, 0, weights, subnet.rules(0.0, 12.0)) == [(1, U16_MAX)]

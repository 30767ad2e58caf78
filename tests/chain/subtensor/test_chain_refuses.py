"""Refusals: raised by the pool, or returned when the call ran; either way one stable word."""

from __future__ import annotations

import pytest

from engram.chain.interface import Axon
from engram.errors import ChainRejected
from tests.chain.subtensor.conftest import Wire, weights

HERE = Axon("203.0.113.7", 8091)


@pytest.mark.parametrize(
    ("error", "code", "retry"),
    [
        ("HotKeyNotRegisteredInSubNet", "not_registered", None),
        ("NeuronNoValidatorPermit", "no_permit", None),
        ("NotEnoughStakeToSetWeights", "low_stake", None),
        ("IncorrectWeightVersionKey", "version_too_low", None),
        ("SettingWeightsTooFast", "rate_limited", 1),
        ("CommittingWeightsTooFast", "rate_limited", 1),
        ("WeightVecLengthIsLow", "too_few_weights", None),
        ("MaxWeightExceeded", "max_weight_exceeded", None),
        ("CommitRevealEnabled", "rules_changed", 1),
        ("SubNetRegistrationDisabled", "rejected", None),
    ],
)
def test_a_call_that_fails_in_its_block(
    wire: Wire, error: str, code: str, retry: int | None
) -> None:
    wire.node.faults.dispatch = error
    receipt = wire.validator().set_weights(weights(ann=1), 0, netuid=1)
    assert (receipt.ok, receipt.code, receipt.retry_after_blocks) == (False, code, retry)
    assert error in receipt.message


@pytest.mark.parametrize(
    ("words", "code", "retry"),
    [
        ("Inability to pay some fees (e.g. account balance too low)", "low_balance", None),
        ("Custom error: 6", "rate_limited", 1),
        ("Custom error: 1", "low_stake", None),
        ("Priority is too low: (1 vs 2)", "pending", 2),
        ("Transaction is outdated", "pending", 2),
        ("Something else", "rejected", None),
    ],
)
def test_a_call_that_the_pool_does_not_take(
    wire: Wire, words: str, code: str, retry: int | None
) -> None:
    wire.node.faults.pool = words
    receipt = wire.validator().set_weights(weights(ann=1), 0, netuid=1)
    assert (receipt.ok, receipt.code, receipt.retry_after_blocks) == (False, code, retry)
    assert not wire.node.taken


def test_a_refusal_leaves_nothing_open(wire: Wire) -> None:
    chain = wire.validator()
    wire.node.faults.pool = "Something else"
    assert not chain.set_weights(weights(ann=1), 0, netuid=1).ok
    wire.node.mend()
    assert chain.set_weights(weights(ann=1), 0, netuid=1).ok


@pytest.mark.parametrize("error", ["InvalidIpAddress", "InvalidPort"])
def test_what_can_never_succeed_is_raised(wire: Wire, error: str) -> None:
    wire.node.faults.dispatch = error
    with pytest.raises(ChainRejected):
        wire.validator().serve_axon(HERE, netuid=1)

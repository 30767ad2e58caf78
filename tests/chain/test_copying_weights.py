"""A validator that copies what others have revealed, instead of working.

Where scores change between reveals it earns less than honest ones of the same stake; where they
never change it earns the same. docs/chain.md reports both.
"""

from __future__ import annotations

import numpy as np
import pytest

from engram.chain.dev.yuma import Floats, Subnet, yuma
from tests.chain.worlds import World, signer

HONEST, COPIER, MINERS = 3, 3, 8
VALIDATORS = HONEST + 1
EPOCHS = 60


def earned(change: float, seed: int) -> Floats:
    """Dividends of each validator over some epochs; the last one is an epoch behind."""
    chance = np.random.default_rng(seed)
    size = VALIDATORS + MINERS
    stake = np.repeat([1.0, 0.0], [VALIDATORS, MINERS])
    scores = chance.random(MINERS) + 0.1
    weights, bonds = np.zeros((size, size)), np.zeros((size, size))
    weights[:VALIDATORS, VALIDATORS:] = scores
    total = np.zeros(size)
    for _ in range(EPOCHS):
        weights[COPIER] = weights[0]
        scores = scores * np.exp(change * chance.standard_normal(MINERS))
        weights[:HONEST, VALIDATORS:] = scores
        found = yuma(Subnet(stake, stake > 0, weights, bonds), kappa=0.5, beta=1.0, alpha=0.1)
        bonds = found.bonds
        total += found.dividends
    return total[:VALIDATORS]


@pytest.mark.parametrize("change", [0.05, 0.2, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_with_scores_that_change_copying_earns_less(change: float, seed: int) -> None:
    got = earned(change, seed)
    assert got[COPIER] < got[:HONEST].min()


def test_the_more_scores_change_the_less_copying_earns() -> None:
    shares = [earned(change, 1)[COPIER] for change in (0.05, 0.2, 1.0)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 0.9 * EPOCHS / VALIDATORS


def test_with_scores_that_never_change_copying_earns_the_same() -> None:
    assert earned(0.0, 1) == pytest.approx(np.full(VALIDATORS, EPOCHS / VALIDATORS))


def test_on_the_chain_with_commit_and_reveal(dev: World) -> None:
    dev.operator.change_rules(dev.netuid, commit_reveal=True, weights_rate_limit=1)
    honest, copier = ("val0", "val1", "val2"), "copier"
    dev.validators(**dict.fromkeys((*honest, copier), 1000.0))
    miners = [f"miner{n}" for n in range(4)]
    dev.register(*miners)
    dev.epoch()
    chance = np.random.default_rng(7)
    for _ in range(25):
        scores = dict(zip((signer(m).hotkey for m in miners), chance.random(4) + 0.1, strict=True))
        for name in honest:
            assert dev.ledger(name).set_weights(scores, 0, netuid=dev.netuid).ok
        seen = dev.operator.weights(dev.netuid).get(signer(honest[0]).hotkey)
        if seen:
            assert dev.ledger(copier).set_weights(seen, 0, netuid=dev.netuid).ok
        dev.epoch()
    snapshot = dev.open().snapshot(dev.netuid)
    stakes = {neuron.hotkey: neuron.stake for neuron in snapshot.neurons}
    assert stakes[signer(copier).hotkey] < min(stakes[signer(name).hotkey] for name in honest)

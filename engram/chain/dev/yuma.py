"""Yuma consensus: what each miner and each validator earns, from what validators say of miners.

Source: Bittensor's documentation, "Yuma Consensus" (docs.learnbittensor.org/yuma-consensus), in its
own letters: S stake, W weights, kappa, beta (the bonds penalty), B bonds, alpha, M incentive,
V dividends. Where the page is silent (bonds are normalised for each miner after every step,
dividends sum to one) this follows what the chain does. All arrays are float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_ROUNDING = 1e-12  # a sum of shares that is kappa on paper may fall short by this in binary


@dataclass(frozen=True, slots=True)
class Subnet:
    """What an epoch starts from, for n UIDs."""

    stake: Floats
    """Shape (n,), not negative."""
    votes: Flags
    """Shape (n,): has a permit and set weights recently."""
    weights: Floats
    """Shape (n, n), not negative: row i is what i says of each j."""
    bonds: Floats
    """Shape (n, n), as the last epoch left them."""


@dataclass(frozen=True, slots=True)
class Consensus:
    """What an epoch ends with."""

    incentive: Floats
    """Shape (n,): M, each miner's share; sums to 1, or to 0 if nobody is weighted."""
    dividends: Floats
    """Shape (n,): V, each validator's share; sums to 1, or to 0 if nobody holds bonds."""
    consensus: Floats
    """Shape (n,): the most that validators with kappa of the stake give to each miner."""
    trust: Floats
    """Shape (n,): how much of each validator's weights remained after clipping, 0..1."""
    bonds: Floats
    """Shape (n, n): B; each column sums to 1, or to 0."""


def yuma(subnet: Subnet, *, kappa: float, beta: float, alpha: float) -> Consensus:
    """One epoch. ``kappa``, ``beta`` and ``alpha`` are 0..1."""
    stake = normalised(np.where(subnet.votes, subnet.stake, 0.0))
    weights = normalised(subnet.weights * subnet.votes[:, None], axis=1)
    agreed = majority_weight(stake, weights, kappa)
    clipped = np.minimum(weights, agreed)
    incentive = normalised(stake @ clipped)
    bonds = next_bonds(subnet.bonds, stake, (1 - beta) * weights + beta * clipped, alpha)
    return Consensus(
        incentive=incentive,
        dividends=normalised(bonds @ incentive),
        consensus=agreed,
        trust=clipped.sum(axis=1),
        bonds=bonds,
    )


def majority_weight(stake: Floats, weights: Floats, kappa: float) -> Floats:
    """For each miner the largest w such that validators with at least ``kappa`` give w or more.

    ``stake`` sums to 1, or to 0, which gives zeros.
    """
    voters = np.flatnonzero(stake)
    if not len(voters):
        return np.zeros(weights.shape[1])
    given = weights[voters]
    order = np.argsort(-given, axis=0, kind="stable")
    behind = np.cumsum(stake[voters][order], axis=0)
    first = np.argmax(behind >= kappa - _ROUNDING, axis=0)
    ranked: Floats = np.take_along_axis(given, order, axis=0)
    found: Floats = ranked[first, np.arange(weights.shape[1])]
    return found


def next_bonds(bonds: Floats, stake: Floats, weights: Floats, alpha: float) -> Floats:
    """alpha times the instant bonds S x W, and the rest of the old ones; each column sums to 1."""
    instant = normalised(stake[:, None] * weights, axis=0)
    return normalised(alpha * instant + (1 - alpha) * normalised(bonds, axis=0), axis=0)


def normalised(values: Floats, axis: int | None = None) -> Floats:
    """Divided by their sum (along ``axis``); zeros stay zeros."""
    total = values.sum(axis=axis, keepdims=axis is not None)
    shares: Floats = np.divide(values, total, out=np.zeros_like(values), where=total > 0)
    return shares


def apportion(amount: int, shares: Floats) -> list[int]:
    """A whole amount in proportion to shares that are not negative, with nothing lost.

    What rounding leaves goes to the largest remainders, the first of equals. All zeros give zeros.
    """
    parts = normalised(shares) * amount
    whole = np.floor(parts).astype(np.int64)
    if shares.sum() <= 0:
        return [0] * len(shares)
    left = amount - int(whole.sum())
    order = np.argsort(-(parts - whole), kind="stable")
    for position in range(abs(left)):
        whole[order[position % len(order)]] += 1 if left > 0 else -1
    return [int(part) for part in whole]

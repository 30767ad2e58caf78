"""How a validator's observations of a miner become one number (docs/validator.md).

Pure formulas. The weights, bounds and lines are those of the network; changing one changes what
every validator says, so it takes another ``SCORING_VERSION``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

SCORING_VERSION = 1  # sent with the weights as their version key

RECALL_K = 10
RECALL_WEIGHT, LATENCY_WEIGHT, PROOF_WEIGHT = 0.50, 0.30, 0.20
FAST_MS = 100.0  # at or below: 1.0
SLOW_MS = 500.0  # at or above: 0.0
PROOF_WINDOW = 30  # values that count
SLASH_BELOW = 0.5  # proof rate
SLASH_AFTER = 5  # values before which nobody is slashed
AVERAGE_SHARE = 0.1  # of a new value in the moving average: the last twenty count for 88 %


def recall_at_k(found: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Share (0..1) of the relevant items among the first ``k`` found.

    ``relevant`` may hold more than ``k`` items where some tie for the last place; at most ``k``
    count. Raises ValueError if nothing is relevant, k is below 1, or an item is found twice.
    """
    if k < 1 or not relevant:
        raise ValueError("recall needs k of 1 or more, and something to be found")
    if len(set(found)) != len(found):
        raise ValueError("an item was found twice")
    wanted = min(k, len(relevant))
    hits = sum(item in relevant for item in found[:k])
    return min(hits, wanted) / wanted


def latency_score(milliseconds: float) -> float:
    """1.0 up to 100 ms, 0.0 from 500 ms, linear between. Raises ValueError below 0 or for NaN."""
    if not milliseconds >= 0:
        raise ValueError("a latency is not negative")
    return min(1.0, max(0.0, (SLOW_MS - milliseconds) / (SLOW_MS - FAST_MS)))


def proof_rate(values: Sequence[float]) -> float | None:
    """Mean (0..1) of the last 30 values, oldest first, each 0..1; None if there are none."""
    return mean(values[-PROOF_WINDOW:])


def is_slashed(values: Sequence[float]) -> bool:
    """True if the weight is 0 whatever the composite: after 5 values, a rate below 50 %."""
    rate = proof_rate(values)
    return rate is not None and len(values) >= SLASH_AFTER and rate < SLASH_BELOW


def composite(recall: float, latency: float, proofs: float) -> float:
    """0.50 recall@10 + 0.30 latency_score + 0.20 proof_success_rate, each 0..1."""
    if not all(0 <= part <= 1 for part in (recall, latency, proofs)):
        raise ValueError("each part of a composite lies within 0..1")
    return RECALL_WEIGHT * recall + LATENCY_WEIGHT * latency + PROOF_WEIGHT * proofs


def average(before: float | None, value: float) -> float:
    """The moving average after one more value; the first value is its own average."""
    if before is None:
        return value
    return before + AVERAGE_SHARE * (value - before)


def normalise(composites: Mapping[str, float]) -> dict[str, float]:
    """Shares that add up to 1, proportional to the composites; empty if all of them are 0.

    Zeros are left out. Raises ValueError for a negative or infinite composite.
    """
    if not all(0 <= value < float("inf") for value in composites.values()):
        raise ValueError("a composite is finite and not negative")
    total = sum(composites.values())
    if total == 0:
        return {}
    return {name: value / total for name, value in composites.items() if value > 0}


def mean(values: Sequence[float]) -> float | None:
    """The arithmetic mean, None of nothing."""
    return sum(values) / len(values) if values else None

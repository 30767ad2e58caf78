"""Weights as a chain takes them: shares within its limit, as whole numbers up to 65,535.

Every implementation does this before it submits, as the chain's own tools do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

from engram.errors import ChainRejected

U16_MAX = 65_535


def require_weights(weights: Mapping[str, float]) -> None:
    """Raise ChainRejected unless every weight is finite and not negative."""
    for hotkey, weight in weights.items():
        if not math.isfinite(weight) or weight < 0:
            raise ChainRejected(f"a weight is a number from 0 up; {hotkey} has {weight}")


def capped(weights: Mapping[int, float], limit: float) -> dict[int, float]:
    """The shares of positive weights, none above ``limit`` (0..1); what is cut goes to the others.

    Where no shares can meet the limit (fewer than 1 / limit weights) all are equal. Computed in
    fractions: weights may be of very different size, and a sum of floats would forget the small.
    """
    kept = {uid: Fraction(weight) for uid, weight in weights.items() if weight > 0}
    if not kept:
        return {}
    cut = _cut(sorted(kept.values(), reverse=True), Fraction(limit))
    held = {uid: min(weight, cut) for uid, weight in kept.items()}
    total = sum(held.values())
    return {uid: float(weight / total) for uid, weight in held.items()}


def to_u16(shares: Mapping[int, float]) -> list[tuple[int, int]]:
    """(uid, weight) by ascending uid, the largest 65,535; what rounds to 0 is left out."""
    top = max(shares.values(), default=0.0)
    scaled = ((uid, round(share / top * U16_MAX)) for uid, share in sorted(shares.items()))
    return [(uid, weight) for uid, weight in scaled if weight > 0]


def _cut(descending: list[Fraction], limit: Fraction) -> Fraction:
    """The value above which to cut, so that the largest share of what remains is ``limit``.

    With the k largest cut to c: c = limit x (the rest + k c).
    """
    rest = sum(descending, Fraction(0))
    for k, value in enumerate(descending):
        if value <= limit * (rest + k * value):
            return value if k == 0 else limit * rest / (1 - k * limit)
        rest -= value
    return descending[-1]

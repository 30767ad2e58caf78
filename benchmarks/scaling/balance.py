"""How evenly chance spreads the records, and what is lost when miners are."""

from __future__ import annotations

from dataclasses import replace
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.scaling.world import World

NETWORKS = 40  # memberships for each size
LOSSES = 500  # sets of lost miners for each fraction
SIZES = (4, 8, 16, 32, 64, 128, 256)
FRACTIONS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)


def load(world: World) -> dict[str, Any]:
    """Records of each miner, counted: as a holder at all, and as the primary."""
    membership = world.membership()
    held = np.zeros(world.miners, np.int64)
    first = np.zeros(world.miners, np.int64)
    for digests in world.digests():
        holders = membership.holders_many(digests)
        held += np.bincount(holders.ravel(), minlength=world.miners)
        first += np.bincount(holders[:, 0], minlength=world.miners)
    return {"held": held.tolist(), "primary": first.tolist(), "summary": summary(held, first)}


def summary(held: NDArray[np.int64], first: NDArray[np.int64]) -> dict[str, float]:
    """Extremes over the mean."""
    return {
        "mean": float(held.mean()),
        "max over mean": float(held.max() / held.mean()),
        "min over mean": float(held.min() / held.mean()),
        "standard deviation over mean": float(held.std() / held.mean()),
        "primary: max over mean": float(first.max() / first.mean()),
        "primary: min over mean": float(first.min() / first.mean()),
    }


def load_by_size(world: World) -> list[dict[str, float]]:
    """The fullest miner's share over the mean, exactly, over many memberships of each size."""
    rows = []
    for size in (size for size in SIZES if size <= world.miners):
        some = replace(world, miners=size)
        shares = [list(some.membership(n).cover.shares().values()) for n in range(NETWORKS)]
        peaks = np.array(shares).max(axis=1) * size / min(3, size)
        low, middle, high = np.quantile(peaks, (0.05, 0.5, 0.95))
        rows.append({"miners": size, "p5": float(low), "median": float(middle), "p95": float(high)})
    return rows


def lost(world: World) -> list[dict[str, float]]:
    """The share of all records whose holders are all lost when so many miners are at once.

    Exact for each set of miners drawn. Expected over all sets: C(d, 3) / C(n, 3), because node ids
    know nothing of data centres and owners.
    """
    cover, everybody = world.membership().cover, set(range(world.miners))
    rows = []
    for fraction in FRACTIONS:
        dead = [set(world.dead(fraction, number)) for number in range(LOSSES)]
        shares = np.array([cover.missing_fraction(everybody - some) for some in dead])
        rows.append(
            {
                "fraction": fraction,
                "miners": len(dead[0]),
                "expected": comb(len(dead[0]), 3) / comb(world.miners, 3),
                "mean": float(shares.mean()),
                "p95": float(np.quantile(shares, 0.95)),
                "nothing lost in": float((shares == 0).mean()),
            }
        )
    return rows

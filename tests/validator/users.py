"""Users' records among simulated miners."""

from __future__ import annotations

import numpy as np

from engram.core import generate_cids
from tests.validator.world import World


def stored(world: World, count: int, seed: int = 5) -> list[str]:
    """That many records at all of their holders, as if the network had written them; their CIDs."""
    rows = np.random.default_rng(seed).standard_normal((count, 384)).astype(np.float32)
    metadatas = [{"namespace": "somebody", "n": n, "seed": seed} for n in range(count)]
    cids = generate_cids(rows, metadatas)
    membership = world.parts.roster.table.current
    assert membership is not None
    for cid, row, metadata in zip(cids, rows, metadatas, strict=True):
        for member in membership.assigned(cid):
            world.network.by_uid[member.uid].take(cid, row, metadata)
    return cids

"""A network that never was: members with random node ids, digests as SHA-256 would give them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engram.dht import Member, Membership

CHUNK = 1_000_000  # digests in memory at once: 32 MB


@dataclass(frozen=True, slots=True)
class World:
    """What everything else is computed from; equal seeds give equal worlds."""

    miners: int
    records: int
    seed: int

    def chance(self, purpose: str) -> np.random.Generator:
        """A source of chance of its own for each purpose, so that none disturbs another."""
        return np.random.default_rng([self.seed, *purpose.encode()])

    def membership(self, number: int = 0) -> Membership:
        """The members, UIDs 0..miners - 1. ``number`` draws other ones."""
        hashes = self.chance(f"members {number}")
        members = [
            Member(
                uid,
                f"miner-{uid}",
                bytes(32),
                f"http://miner-{uid}",
                uid,
                hashes.bytes(32),
            )
            for uid in range(self.miners)
        ]
        return Membership(100 * number, bytes(32), tuple(members))

    def digests(self) -> Iterator[NDArray[np.uint8]]:
        """All records' digests, shape (at most CHUNK, 32) each time."""
        chance = self.chance("digests")
        for start in range(0, self.records, CHUNK):
            count = min(CHUNK, self.records - start)
            yield np.frombuffer(chance.bytes(32 * count), np.uint8).reshape(count, 32)

    def dead(self, fraction: float, number: int = 0) -> list[int]:
        """UIDs of the miners that are lost, at least one, ascending."""
        count = max(1, round(fraction * self.miners))
        drawn = self.chance(f"dead {fraction} {number}").choice(self.miners, count, replace=False)
        return sorted(int(uid) for uid in drawn)

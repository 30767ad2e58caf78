"""What is missing once some miners are lost, and who is to send it to whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.scaling.world import World
from engram.core import nearest_many
from engram.dht import Membership

UID_BITS = 8  # a subnet has 256


@dataclass(frozen=True, slots=True)
class Piece:
    """Records that one miner sends to another, for the same reason."""

    sender: int
    receiver: int
    records: int
    because: tuple[int, ...]
    """Lost members before the receiver in order: it stands in once all of them are absent."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Counts of records and copies."""

    pieces: list[Piece]
    lost: int
    """Records of which no holder lives."""
    degraded: int
    """Records of which some do, and some do not."""

    @property
    def copies(self) -> int:
        """To be made."""
        return sum(piece.records for piece in self.pieces)


def damage(world: World, membership: Membership, dead: Sequence[int]) -> Damage:
    """Place every record before and after, and take those with the same holders together."""
    counts: dict[int, int] = {}
    examples: dict[int, bytes] = {}
    for digests in world.digests():
        for key, count, digest in _classes(membership, digests, dead):
            counts[key] = counts.get(key, 0) + count
            examples.setdefault(key, digest)
    keys = list(counts)
    orders = _orders(membership, [examples[key] for key in keys])
    pieces: list[Piece] = []
    lost = 0
    for key, order in zip(keys, orders, strict=True):
        living = [uid for uid in order[:3] if uid not in dead]
        if not living:
            lost += counts[key]
            continue
        pieces += _pieces(order, set(dead), living, counts[key])
    return Damage(pieces, lost, sum(counts.values()) - lost)


def _classes(
    membership: Membership, digests: NDArray[np.uint8], dead: Sequence[int]
) -> Iterator[tuple[int, int, bytes]]:
    """(holders before and after as one number, records, one of their digests)."""
    before = membership.holders_many(digests)
    hit = np.logical_or.reduce(np.isin(before, dead), axis=1)
    after = membership.holders_many(digests[hit], dead)
    columns = np.concatenate([before[hit], after], axis=1).astype(np.uint64)
    packed = np.zeros(len(columns), np.uint64)
    for column in columns.T:
        packed = packed << np.uint64(UID_BITS) | column
    keys, first, count = np.unique(packed, return_index=True, return_counts=True)
    for key, row, records in zip(keys, np.flatnonzero(hit)[first], count, strict=True):
        yield int(key), int(records), digests[row].tobytes()


def _orders(membership: Membership, digests: Sequence[bytes]) -> list[list[int]]:
    """All UIDs for each digest, nearest first."""
    members = [(member.uid, member.registered_hash) for member in membership.members]
    packed = nearest_many(b"".join(digests), members, len(members))
    ranked: list[list[int]] = np.frombuffer(packed, "<u2").reshape(len(digests), -1).tolist()
    return ranked


def _pieces(
    order: Sequence[int], dead: set[int], living: Sequence[int], records: int
) -> Iterator[Piece]:
    """The first living holder sends to each that stands in."""
    holders = [uid for uid in order if uid not in dead][:3]
    for receiver in holders:
        if receiver not in living:
            before = order[: order.index(receiver)]
            because = tuple(uid for uid in before if uid in dead)
            yield Piece(living[0], receiver, records, because)

"""From the loss of miners until every record that is not lost has its three copies again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.scaling import messages
from benchmarks.scaling.damage import Damage, Piece, damage
from benchmarks.scaling.flows import Course, Flow, course
from benchmarks.scaling.measured import Measured
from benchmarks.scaling.rounds import Diary, Miner
from benchmarks.scaling.rules import Rules
from benchmarks.scaling.world import World
from engram.core.ranges import DigestSet, digests_of
from engram.protocol import MAX_HAS, MAX_REPLICAS

COMMON = 10_000  # digests in the comparison whose bytes are counted; any number gives the same
POINTS = 400  # of the curve that is kept


@dataclass(frozen=True, slots=True)
class Repair:
    """One loss and its repair."""

    dead: list[int]
    damage: Damage
    diaries: dict[int, Diary]
    course: Course
    stuck: int
    """Copies that nobody makes: no node can name all the absent members before the receiver."""

    def summary(self, measured: Measured) -> dict[str, Any]:
        """For the results: seconds after the loss, bytes, counts."""
        minimum = self.damage.copies * float(measured.record_bytes.mean())
        parts = self._bytes(measured)
        spent = max(max(ended) for d in self.diaries.values() for ended in d.compared_at.values())
        noticed = [moment for d in self.diaries.values() for moment in d.absent_at.values()]
        return {
            "miners lost": len(self.dead),
            "degraded records": self.damage.degraded,
            "lost records": self.damage.lost,
            "copies to make": self.damage.copies,
            "copies stuck": self.stuck,
            "first stand-in, s": min(noticed),
            "last stand-in, s": max(noticed),
            "half repaired, s": self.course.until(0.5),
            "99 % repaired, s": self.course.until(0.99),
            "repaired, s": self.course.until(1.0),
            "record bytes, the minimum": minimum,
            **{f"bytes of {name}": size for name, size in parts.items()},
            "moved over minimum": sum(parts.values()) / minimum,
            "comparisons, bytes/s a miner": self._comparing() / spent,
            "busiest sender, records": self.course.busiest_sender,
            "busiest receiver, records": self.course.busiest_receiver,
        }

    def _bytes(self, measured: Measured) -> dict[str, float]:
        copies = self.damage.copies
        heads = copies / MAX_REPLICAS + copies / MAX_HAS
        return {
            "records in frames": copies * float(measured.packed_bytes.mean()),
            "receipts": copies * messages.acknowledgement_bytes(),
            "questions whether it is there": copies * messages.has_bytes(),
            "request heads": heads * messages.HEAD_BYTES,
        }

    def _comparing(self) -> float:
        """Bytes that a living miner spent on comparing: it begins half of them."""
        common = DigestSet(digests_of([n.to_bytes(32) for n in range(COMMON)]))
        exchanges = sum(diary.exchanges for diary in self.diaries.values())
        return 2 * exchanges * messages.comparison_bytes(common) / len(self.diaries)

    def curve(self) -> list[list[float]]:
        """[seconds, share of the missing copies that is still missing]."""
        at = np.unique(np.linspace(0, len(self.course.missing) - 1, POINTS).astype(int))
        left = self.course.missing[at] / max(self.damage.copies, 1)
        return [[float(s), round(float(x), 5)] for s, x in zip(at, left, strict=True)]


def repair(world: World, fraction: float, measured: Measured, rules: Rules | None = None) -> Repair:
    """Lose that fraction of the miners at once, for good, without a word."""
    rules = rules or Rules()
    dead = world.dead(fraction)
    harm = damage(world, world.membership(), dead)
    chance = world.chance(f"rounds {fraction}")
    living = [uid for uid in range(world.miners) if uid not in dead]
    diaries = {
        uid: Miner([o for o in range(world.miners) if o != uid], dead, rules, chance).live()
        for uid in living
    }
    named = {uid: named_by(dead, rules, chance) for uid in living}
    flows, stuck = found(harm.pieces, diaries, named)
    moved = course(flows, float(measured.packed_bytes.mean()), rules)
    return Repair(dead, harm, diaries, moved, stuck)


def named_by(dead: Sequence[int], rules: Rules, chance: np.random.Generator) -> set[int]:
    """Whom a node takes as absent, if it may name only so many: those it heard last long ago."""
    return {int(uid) for uid in chance.permutation(dead)[: rules.most_absent]}


def found(
    pieces: Sequence[Piece], diaries: Mapping[int, Diary], named: Mapping[int, set[int]]
) -> tuple[list[Flow], int]:
    """When the sender learns of each piece, in a comparison that it or the receiver begins."""
    flows = []
    stuck = 0
    for piece in pieces:
        moment = min(
            learnt(piece, by, other, diaries[by], named[by])
            for by, other in (
                (piece.sender, piece.receiver),
                (piece.receiver, piece.sender),
            )
        )
        if math.isinf(moment):
            stuck += piece.records
        else:
            flows.append(Flow(piece.sender, piece.receiver, piece.records, moment))
    return flows, stuck


def learnt(piece: Piece, by: int, other: int, diary: Diary, named: set[int]) -> float:
    """The end of the first comparison that ``by`` began knowing who is absent."""
    if not named.issuperset(piece.because):
        return math.inf
    since = max(diary.absent_at[uid] for uid in piece.because)
    return diary.first_after(other, since)

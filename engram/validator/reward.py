"""From evidence to composites, and from composites to weights (docs/validator.md)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from engram.core.scores import (
    PROOF_WINDOW,
    average,
    composite,
    is_slashed,
    latency_score,
    mean,
    normalise,
    proof_rate,
)
from engram.validator.roster import Miner
from engram.validator.state import evidence
from engram.validator.state.evidence import Kind


@dataclass(frozen=True, slots=True)
class Standing:
    """How a miner stands by the evidence there is. None: nothing is known of that yet."""

    miner: Miner
    known: int
    """Records that it is obliged to hold."""
    warming_up: bool
    recall: float | None
    latency_ms: float | None
    latency_score: float | None
    proof_rate: float | None
    challenges: int
    """Values behind the proof rate, at most 30."""
    samples: int
    """Answers behind recall and latency."""
    composite: float | None
    average: float | None
    slashed: bool

    @property
    def earns(self) -> float:
        """What its weight is proportional to."""
        return 0.0 if self.composite is None or self.slashed else self.composite

    @property
    def reason(self) -> str:
        """Why it has the weight that it has, in a few words."""
        if self.warming_up:
            return f"warming up: {self.known} records known"
        if self.composite is None:
            return "not probed and challenged yet"
        return "slashed: proof rate below 50 %" if self.slashed else "scored"

    def as_dict(self) -> dict[str, Any]:
        """For replies and evidence."""
        return asdict(self) | {
            "miner": self.miner.id,
            "uid": self.miner.uid,
            "hotkey": self.miner.hotkey,
            "url": self.miner.url,
            "status": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Rules:
    """What an operator may set about scoring."""

    min_known: int
    window_rounds: int


def standing(connection: sqlite3.Connection, miner: Miner, known: int, rules: Rules) -> Standing:
    """How a miner stands now."""
    row = connection.execute(
        "SELECT warmed, average FROM miners WHERE id = ?", (miner.id,)
    ).fetchone()
    rounds = evidence.last_rounds(connection, Kind.SCORING, rules.window_rounds)
    samples = evidence.samples_of(connection, miner.id, rounds)
    values = evidence.values_of(connection, miner.id, PROOF_WINDOW)
    recall = mean([found for found, _ in samples])
    latency = mean([latency_score(ms) for _, ms in samples])
    rate = proof_rate(values)
    warming_up = known < rules.min_known and not row["warmed"]
    return Standing(
        miner=miner,
        known=known,
        warming_up=warming_up,
        recall=recall,
        latency_ms=mean([ms for _, ms in samples]),
        latency_score=latency,
        proof_rate=rate,
        challenges=len(values),
        samples=len(samples),
        composite=None if warming_up else judged(recall, latency, rate),
        average=row["average"],
        slashed=not warming_up and is_slashed(values),
    )


def judged(recall: float | None, latency: float | None, rate: float | None) -> float | None:
    """The composite, once all of its parts are known."""
    if recall is None or latency is None or rate is None:
        return None
    return composite(recall, latency, rate)


def keep(tx: sqlite3.Connection, number: int, stood: Iterable[Standing]) -> None:
    """Write down how miners stood after a scoring round, and move their averages."""
    for one in stood:
        moved = one.average if one.composite is None else average(one.average, one.composite)
        tx.execute("UPDATE miners SET average = ? WHERE id = ?", (moved, one.miner.id))
        tx.execute(
            "INSERT INTO scores VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                one.miner.id,
                one.recall,
                one.latency_ms,
                one.latency_score,
                one.proof_rate,
                one.composite,
                moved,
                one.slashed,
            ),
        )


def weights(stood: Iterable[Standing]) -> dict[str, float]:
    """Hotkey to share; the shares add up to 1. Empty if nobody has earned anything."""
    return normalise({one.miner.hotkey: one.earns for one in stood})

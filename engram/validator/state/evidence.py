"""Rounds, and what they found: every number of a score can be traced to these rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from engram.validator.state.miners import ids
from engram.validator.verdict import Verdict


class Kind(StrEnum):
    """What a round does."""

    SCORING = "scoring"
    CHALLENGE = "challenge"


class Check(StrEnum):
    """What a value of the proof rate comes from."""

    CHALLENGE = "challenge"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Round:
    """A round that ended."""

    kind: Kind
    began_at: float
    """Unix seconds."""
    seconds: float
    block: int | None
    counted: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """One miner's answer to one probe, as it counts."""

    miner: int
    probe: int
    """Position among the round's probes."""
    verdict: Verdict
    recall: float
    latency_ms: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a miner's proof rate."""

    miner: int
    kind: Check
    verdict: Verdict
    value: float
    """0..1."""
    asked: int
    detail: str = ""


def add_round(tx: sqlite3.Connection, done: Round) -> int:
    """The new round's id."""
    made = tx.execute(
        "INSERT INTO rounds (kind, began_at, seconds, block, counted, detail) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (done.kind, done.began_at, done.seconds, done.block, done.counted, done.detail),
    )
    return int(made.lastrowid or 0)


def add_samples(
    tx: sqlite3.Connection,
    number: int,
    probes: Sequence[tuple[int, str]],
    samples: Iterable[Sample],
) -> None:
    """A scoring round's probes, (record, digest) each, and what was answered to them."""
    rows = [
        tx.execute(
            "INSERT INTO probes (round, record, digest) VALUES (?, ?, ?)", (number, record, digest)
        ).lastrowid
        for record, digest in probes
    ]
    tx.executemany(
        "INSERT INTO samples VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (s.miner, number, rows[s.probe], s.verdict, s.recall, s.latency_ms, s.detail)
            for s in samples
        ],
    )


def add_values(tx: sqlite3.Connection, number: int, values: Iterable[Value]) -> None:
    """A challenge round's values, in the order in which they count."""
    tx.executemany(
        "INSERT INTO checks (miner, round, kind, verdict, value, asked, detail) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(v.miner, number, v.kind, v.verdict, v.value, v.asked, v.detail) for v in values],
    )


def last_rounds(connection: sqlite3.Connection, kind: Kind, count: int) -> list[int]:
    """Ids of the last rounds that counted, the newest first."""
    rows = connection.execute(
        "SELECT id FROM rounds WHERE kind = ? AND counted ORDER BY id DESC LIMIT ?", (kind, count)
    )
    return [row["id"] for row in rows]


def last_began(connection: sqlite3.Connection, kind: Kind) -> float | None:
    """When the last round of a kind began, counted or not."""
    row = connection.execute(
        "SELECT began_at FROM rounds WHERE kind = ? ORDER BY id DESC LIMIT 1", (kind,)
    ).fetchone()
    return None if row is None else float(row["began_at"])


def samples_of(
    connection: sqlite3.Connection, miner: int, rounds: Sequence[int]
) -> list[tuple[float, float]]:
    """(recall, latency in ms) of a miner's samples in these rounds."""
    marks = ",".join("?" * len(rounds))
    rows = connection.execute(
        f"SELECT recall, latency_ms FROM samples WHERE miner = ? AND round IN ({marks})",
        (miner, *rounds),
    )
    return [(row["recall"], row["latency_ms"]) for row in rows]


def values_of(connection: sqlite3.Connection, miner: int, count: int) -> list[float]:
    """The last values of a miner's proof rate, oldest first."""
    rows = connection.execute(
        "SELECT value FROM checks WHERE miner = ? ORDER BY id DESC LIMIT ?", (miner, count)
    )
    return [row["value"] for row in rows][::-1]


def prune(tx: sqlite3.Connection, before: float) -> None:
    """Forget the evidence of rounds that began before, but for the last values of each miner."""
    old = [row["id"] for row in tx.execute("SELECT id FROM rounds WHERE began_at < ?", (before,))]
    for table in ("samples", "probes", "scores"):
        tx.executemany(f"DELETE FROM {table} WHERE round = ?", ids(old))
    tx.executemany(
        "DELETE FROM checks WHERE round = ? AND id NOT IN "
        "(SELECT later.id FROM checks AS later WHERE later.miner = checks.miner "
        "ORDER BY later.id DESC LIMIT 30)",
        ids(old),
    )
    tx.executemany(
        "DELETE FROM rounds WHERE id = ? AND id NOT IN (SELECT round FROM checks)", ids(old)
    )

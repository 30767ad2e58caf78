"""Weights that were worked out, what they rest on, and what the chain said to them."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Stage(StrEnum):
    """How far a weight set is."""

    PENDING = "pending"
    SET = "set"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class WeightSet:
    """One set of weights."""

    id: int
    made_at: float
    made_block: int
    submitted_block: int | None
    """Last block known when it was sent; None before that."""
    stage: Stage
    code: str
    message: str
    reveal_block: int | None
    weights: dict[str, float]
    """Hotkey to share."""
    evidence: list[dict[str, Any]]
    """How each miner stood."""
    last_round: int
    """The last round that it rests on."""


COLUMNS = (
    "SELECT id, made_at, made_block, submitted_block, state AS stage, code, message, "
    "reveal_block, weights, evidence, last_round FROM weight_sets "
)


def add(
    tx: sqlite3.Connection,
    made_at: float,
    made_block: int,
    weights: dict[str, float],
    evidence: list[dict[str, Any]],
) -> int:
    """The id of a new set, which is pending; an older one that still was has failed."""
    tx.execute("UPDATE weight_sets SET state = 'failed', code = 'replaced' WHERE state = 'pending'")
    made = tx.execute(
        "INSERT INTO weight_sets (made_at, made_block, state, weights, evidence, last_round) "
        "VALUES (?, ?, 'pending', ?, ?, (SELECT coalesce(max(id), 0) FROM rounds))",
        (made_at, made_block, json.dumps(weights), json.dumps(evidence)),
    )
    return int(made.lastrowid or 0)


def note_sending(tx: sqlite3.Connection, number: int, block: int) -> None:
    """It is about to be sent: after this nobody can be sure that it was not."""
    tx.execute("UPDATE weight_sets SET submitted_block = ? WHERE id = ?", (block, number))


def note_outcome(
    tx: sqlite3.Connection,
    number: int,
    stage: Stage,
    code: str,
    message: str,
    reveal_block: int | None = None,
) -> None:
    """What came of it."""
    tx.execute(
        "UPDATE weight_sets SET state = ?, code = ?, message = ?, "
        "reveal_block = coalesce(?, reveal_block) WHERE id = ?",
        (stage, code, message, reveal_block, number),
    )


def pending(connection: sqlite3.Connection) -> WeightSet | None:
    """The set whose outcome is not known."""
    return _one(connection, "WHERE state = 'pending' ORDER BY id DESC LIMIT 1")


def last_set(connection: sqlite3.Connection) -> WeightSet | None:
    """The set that the chain last took."""
    return _one(connection, "WHERE state = 'set' ORDER BY id DESC LIMIT 1")


def latest(connection: sqlite3.Connection, count: int) -> list[WeightSet]:
    """The last sets, the newest first."""
    rows = connection.execute(COLUMNS + "ORDER BY id DESC LIMIT ?", (count,))
    return [weight_set(row) for row in rows]


def revealed_round(connection: sqlite3.Connection, block: int | None) -> int:
    """Evidence up to this round is public at a block: the weights that rest on it are revealed."""
    if block is None:
        return 0
    row = connection.execute(
        "SELECT coalesce(max(last_round), 0) AS round FROM weight_sets "
        "WHERE state = 'set' AND reveal_block <= ?",
        (block,),
    ).fetchone()
    return int(row["round"])


def _one(connection: sqlite3.Connection, which: str) -> WeightSet | None:
    row = connection.execute(COLUMNS + which).fetchone()
    return None if row is None else weight_set(row)


def weight_set(row: sqlite3.Row) -> WeightSet:
    """A row of COLUMNS."""
    values = dict(row)
    values["stage"] = Stage(values["stage"])
    values["weights"] = json.loads(values["weights"])
    values["evidence"] = json.loads(values["evidence"])
    return WeightSet(**values)

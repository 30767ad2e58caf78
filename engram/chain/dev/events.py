"""What happened on the chain, for people: ``engram chain history``."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened."""

    block: int
    netuid: int | None
    kind: str
    """``registered``, ``deregistered``, ``axon``, ``weights``, ``committed``, ``revealed``,
    ``stake``, ``faucet``, ``epoch``, ``rules``, ``fault``, ``skipped``."""
    hotkey: str | None
    detail: dict[str, Any]


def record(
    connection: sqlite3.Connection,
    block: int,
    kind: str,
    *,
    netuid: int | None = None,
    hotkey: str | None = None,
    **detail: Any,
) -> None:
    connection.execute(
        "INSERT INTO events (block, netuid, kind, hotkey, detail) VALUES (?, ?, ?, ?, ?)",
        (block, netuid, kind, hotkey, json.dumps(detail)),
    )


def latest(connection: sqlite3.Connection, limit: int, kind: str | None = None) -> list[Event]:
    """The last ``limit`` events, of one kind or of all; the newest last."""
    rows = connection.execute(
        "SELECT block, netuid, kind, hotkey, detail FROM events WHERE ?1 IS NULL OR kind = ?1"
        " ORDER BY id DESC LIMIT ?2",
        (kind, limit),
    ).fetchall()
    return [
        Event(block, netuid, what, hotkey, json.loads(detail))
        for block, netuid, what, hotkey, detail in reversed(rows)
    ]


def forget(connection: sqlite3.Connection, before: int) -> None:
    """Drop what happened before a block."""
    connection.execute("DELETE FROM events WHERE block < ?", (before,))

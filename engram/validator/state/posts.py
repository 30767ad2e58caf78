"""Which of the validator's own records were given to the network, and when."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable


def due(connection: sqlite3.Connection, now: float, limit: int) -> list[int]:
    """Ids of records that no member has taken yet and that may be posted now, the oldest first."""
    rows = connection.execute(
        "SELECT records.id FROM namespaces JOIN records ON namespace = namespaces.id "
        "LEFT JOIN posts ON posts.record = records.id WHERE retired_at IS NULL "
        "AND posts.placement IS NULL AND coalesce(posts.next_at, 0) <= ? "
        "ORDER BY records.id LIMIT ?",
        (now, limit),
    )
    return [row["id"] for row in rows]


def going_to(tx: sqlite3.Connection, pairs: Iterable[tuple[int, int]]) -> None:
    """(record, miner) that are about to be posted: whatever comes of it, it may have a copy."""
    tx.executemany("INSERT INTO posted_to VALUES (?, ?) ON CONFLICT DO NOTHING", list(pairs))


def taken(tx: sqlite3.Connection, records: Iterable[int], placement: int) -> None:
    """Members took these: the network has them, whoever else acknowledged so far."""
    tx.executemany(
        "INSERT INTO posts (record, placement) VALUES (?, ?) "
        "ON CONFLICT DO UPDATE SET placement = excluded.placement",
        [(record, placement) for record in records],
    )


def put_off(tx: sqlite3.Connection, records: Iterable[tuple[int, float]]) -> None:
    """(record, unix seconds): nobody took it; another member is asked from then on."""
    tx.executemany(
        "INSERT INTO posts (record, next_at) VALUES (?, ?) "
        "ON CONFLICT DO UPDATE SET next_at = excluded.next_at",
        list(records),
    )


def before(connection: sqlite3.Connection, placement: int) -> set[int]:
    """Ids of records that were posted before a placement block."""
    rows = connection.execute("SELECT record FROM posts WHERE placement < ?", (placement,))
    return {row["record"] for row in rows}

"""Users' records whose holders are to be asked to repair them."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from engram.validator.state.miners import ids


def add(tx: sqlite3.Connection, records: Collection[int]) -> None:
    """These failed a check. The validator's own are left out: asking would tell which they are."""
    tx.executemany(
        "INSERT INTO repairs SELECT records.id FROM records "
        "JOIN holder_sets ON holder_sets.id = holder_set WHERE records.id = ? AND NOT own "
        "ON CONFLICT DO NOTHING",
        ids(records),
    )


def take(tx: sqlite3.Connection, limit: int) -> list[int]:
    """Ids of records that failed a check, taken off the list.

    What is not asked about now comes again if it stays DEGRADED.
    """
    rows = tx.execute("SELECT record FROM repairs ORDER BY record LIMIT ?", (limit,))
    found = [row["record"] for row in rows]
    tx.executemany("DELETE FROM repairs WHERE record = ?", ids(found))
    return found


def asked(tx: sqlite3.Connection, records: Collection[int], now: float) -> None:
    """Holders were asked to repair these."""
    tx.executemany(
        "UPDATE records SET asked_at = ? WHERE id = ?", [(now, record) for record in records]
    )

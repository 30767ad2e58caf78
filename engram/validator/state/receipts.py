"""Users' records that miners signed receipts for: drawn at random without a scan."""

from __future__ import annotations

import sqlite3
from random import Random

TRIES = 2  # draws for each record that is wanted: some come twice

OF_MINER = "FROM copies WHERE miner = ? AND receipt IS NOT NULL "


def drawn(connection: sqlite3.Connection, miner: int, count: int, random: Random) -> list[int]:
    """Up to ``count`` ids of records that the miner signed for, in random order."""
    first, last = connection.execute(
        f"SELECT (SELECT record {OF_MINER} ORDER BY record LIMIT 1), "
        f"(SELECT record {OF_MINER} ORDER BY record DESC LIMIT 1)",
        (miner, miner),
    ).fetchone()
    if first is None:
        return []
    found: dict[int, None] = {}
    for _ in range(TRIES * count):
        if len(found) == count:
            break
        found[_from(connection, miner, random.randint(first, last))] = None
    return list(found)


def signed_for(connection: sqlite3.Connection, miner: int) -> int:
    """How many users' records a miner signed for. A pass over its own."""
    (count,) = connection.execute(f"SELECT count(*) {OF_MINER}", (miner,)).fetchone()
    return int(count)


def _from(connection: sqlite3.Connection, miner: int, record: int) -> int:
    row = connection.execute(
        f"SELECT record {OF_MINER} AND record >= ? ORDER BY record LIMIT 1", (miner, record)
    ).fetchone()
    return int(row["record"])

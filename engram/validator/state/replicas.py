"""Who confirmed which record. A check changes the counts of two groups and scans nothing.

Records are grouped by the set of miners that confirmed them. A miner that is suspended takes its
confirmations out of every group at once, by one flag that is looked at when the groups are read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from enum import StrEnum
from typing import NamedTuple

from engram.core.limits import REPLICAS


class Replication(StrEnum):
    """How many of a record's replicas are confirmed."""

    HEALTHY = "HEALTHY"
    """All that can be: three, or as many as there are members."""
    DEGRADED = "DEGRADED"
    LOST = "LOST"
    """None."""


class Counts(NamedTuple):
    """Records in each state."""

    healthy: int
    degraded: int
    lost: int


def required(members: int) -> int:
    """Replicas that a record should have among so many members."""
    return min(REPLICAS, members)


def status(confirmed: int, members: int) -> Replication:
    """What so many confirmed replicas amount to. With no members everything is LOST."""
    if confirmed == 0:
        return Replication.LOST
    return Replication.HEALTHY if confirmed >= required(members) else Replication.DEGRADED


def count_new(tx: sqlite3.Connection) -> None:
    """One more record that nobody has confirmed."""
    _move(tx, None, "")


def confirm(tx: sqlite3.Connection, record: int, miner: int, *, held: bool) -> None:
    """The latest evidence: the miner holds the record, or it does not."""
    row = tx.execute("SELECT holders FROM records WHERE id = ?", (record,)).fetchone()
    before = parse(row["holders"])
    after = before | {miner} if held else before - {miner}
    if after != before:
        _set(tx, record, row["holders"], after)


def keep_only(tx: sqlite3.Connection, assigned: dict[int, set[int]]) -> None:
    """Forget confirmations by miners that are no longer assigned; called when members change.

    ``assigned``: record to the ids of its miners.
    """
    for row in tx.execute("SELECT id, holders FROM records WHERE holders != ''").fetchall():
        before = parse(row["holders"])
        after = before & assigned.get(row["id"], before)
        if after != before:
            _set(tx, row["id"], row["holders"], after)


def totals(connection: sqlite3.Connection, members: int) -> Counts:
    """Records in each state, from the groups."""
    gone = suspended(connection)
    found = dict.fromkeys(Replication, 0)
    for row in connection.execute("SELECT holders, records FROM holder_sets"):
        found[status(len(parse(row["holders"]) - gone), members)] += row["records"]
    return Counts(*found.values())


def of_users_record(connection: sqlite3.Connection, cid: str) -> set[int] | None:
    """Ids of the miners whose confirmation of a user's CID counts; None if it is not known."""
    row = connection.execute(
        "SELECT holders FROM records WHERE cid = ? AND namespace IS NULL", (cid,)
    ).fetchone()
    return None if row is None else parse(row["holders"]) - suspended(connection)


def suspended(connection: sqlite3.Connection) -> set[int]:
    """Ids of miners whose confirmations do not count for now."""
    return {row["id"] for row in connection.execute("SELECT id FROM miners WHERE suspended")}


def parse(holders: str) -> set[int]:
    """The set that a column holds."""
    return {int(miner) for miner in holders.split(",")} if holders else set()


def _set(tx: sqlite3.Connection, record: int, before: str, after: Collection[int]) -> None:
    text = ",".join(str(miner) for miner in sorted(after))
    tx.execute("UPDATE records SET holders = ? WHERE id = ?", (text, record))
    _move(tx, before, text)


def _move(tx: sqlite3.Connection, before: str | None, after: str) -> None:
    if before is not None:
        tx.execute("UPDATE holder_sets SET records = records - 1 WHERE holders = ?", (before,))
        tx.execute("DELETE FROM holder_sets WHERE holders = ? AND records = 0", (before,))
    tx.execute(
        "INSERT INTO holder_sets VALUES (?, 1) ON CONFLICT DO UPDATE SET records = records + 1",
        (after,),
    )

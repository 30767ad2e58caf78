"""Groups of records that the same miners are to hold, and that the same miners confirmed.

All that is counted is counted by groups: with 256 members there are some ten thousand of them,
however many records there are. A record that changes moves from one group to another.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass

Ids = frozenset[int]


@dataclass(frozen=True, slots=True)
class Group:
    """What some records have in common."""

    id: int
    named: Ids
    """Miners that are to hold them: placement names them, or they stand in. Empty until settled."""
    holders: Ids
    """Miners whose latest evidence is positive."""
    own: bool
    """True for the validator's own."""
    records: int

    @property
    def missing(self) -> Ids:
        """Miners that are to hold them and have not confirmed it."""
        return self.named - self.holders


COLUMNS = "holder_sets.id, named, holders, own, holder_sets.records"


def groups(connection: sqlite3.Connection) -> list[Group]:
    """All that have records, by ascending id."""
    rows = connection.execute(f"SELECT {COLUMNS} FROM holder_sets ORDER BY id")
    return [group(row) for row in rows]


def group_of(connection: sqlite3.Connection, record: int) -> Group:
    """The group that a record is in."""
    row = connection.execute(
        f"SELECT {COLUMNS} FROM records JOIN holder_sets ON holder_sets.id = holder_set "
        "WHERE records.id = ?",
        (record,),
    ).fetchone()
    return group(row)


def enter(tx: sqlite3.Connection, named: Ids, holders: Ids, *, own: bool) -> int:
    """One more record in the group; its id."""
    row = tx.execute(
        "INSERT INTO holder_sets (named, holders, own, records) VALUES (?, ?, ?, 1) "
        "ON CONFLICT DO UPDATE SET records = records + 1 RETURNING id",
        (text(named), text(holders), own),
    ).fetchone()
    return int(row[0])


def leave(tx: sqlite3.Connection, group: int) -> None:
    """One record less in the group, which goes with its last one."""
    tx.execute("UPDATE holder_sets SET records = records - 1 WHERE id = ?", (group,))
    tx.execute("DELETE FROM holder_sets WHERE id = ? AND records = 0", (group,))


def move(
    tx: sqlite3.Connection, record: int, before: Group, named: Ids, holders: Ids, *, own: bool
) -> None:
    """Put a record into the group that it belongs to now."""
    if (named, holders, own) == (before.named, before.holders, before.own):
        return
    entered = enter(tx, named, holders, own=own)
    tx.execute("UPDATE records SET holder_set = ? WHERE id = ?", (entered, record))
    leave(tx, before.id)


def group(row: sqlite3.Row) -> Group:
    """A row of COLUMNS."""
    number, named, holders, own, records = row
    return Group(number, parse(named), parse(holders), bool(own), records)


def parse(column: str) -> Ids:
    """The set that a column holds."""
    return frozenset(map(int, column.split(","))) if column else frozenset()


def text(ids: Collection[int] | Iterable[int]) -> str:
    """A set as a column holds it."""
    return ",".join(map(str, sorted(ids)))

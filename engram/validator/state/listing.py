"""Records by the groups they are in, page by page: whatever is counted can be listed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engram.validator.state.holder_sets import Group


class Place(NamedTuple):
    """Where a page ended: the group, and the record within it."""

    group: int
    record: int


FIRST = Place(0, 0)


@dataclass(frozen=True, slots=True)
class Listed:
    """A record and the group that it is in."""

    id: int
    cid: str
    group: Group
    proved_at: float | None
    """Latest positive evidence, unix seconds."""
    changed_at: float
    """When another set of miners confirmed it."""
    asked_at: float | None
    """When its holders were last asked to repair it."""

    @property
    def place(self) -> Place:
        return Place(self.group.id, self.id)


COLUMNS = "id, cid, proved_at, changed_at, asked_at"


def page(
    connection: sqlite3.Connection, among: Iterable[Group], after: Place, limit: int
) -> list[Listed]:
    """Up to ``limit`` records of these groups, in the order of (group, record).

    A record that changes its group meanwhile may come twice, or not at all.
    """
    found: list[Listed] = []
    for group in sorted(among, key=lambda one: one.id):
        if len(found) == limit:
            break
        if group.id >= after.group:
            start = after.record if group.id == after.group else 0
            found += in_group(connection, group, start, limit - len(found))
    return found


def in_group(connection: sqlite3.Connection, group: Group, after: int, limit: int) -> list[Listed]:
    """Up to ``limit`` records of one group with an id beyond ``after``."""
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM records WHERE holder_set = ? AND id > ? ORDER BY id LIMIT ?",
        (group.id, after, limit),
    )
    return [listed(row, group) for row in rows]


def by_id(
    connection: sqlite3.Connection, ids: Sequence[int], groups: dict[int, Group]
) -> list[Listed]:
    """The records with these ids whose groups are given."""
    marks = ",".join("?" * len(ids))
    rows = connection.execute(
        f"SELECT {COLUMNS}, holder_set FROM records WHERE id IN ({marks}) ORDER BY id", ids
    )
    return [listed(row, groups[row["holder_set"]]) for row in rows if row["holder_set"] in groups]


def listed(row: sqlite3.Row, group: Group) -> Listed:
    """A row of COLUMNS."""
    return Listed(
        row["id"], row["cid"], group, row["proved_at"], row["changed_at"], row["asked_at"]
    )

"""Names the miners that are to hold each record, anew whenever members come, go or fall silent.

Among a million records that is a pass of minutes, so it goes in portions, each a transaction of its
own that also says how far it came. Records that were added since are portions like any other.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import structlog

from engram.validator.clock import Clock
from engram.validator.roster import Roster
from engram.validator.state import State, holder_sets, offers, replicas
from engram.validator.state.database import fact, set_fact
from engram.validator.state.holder_sets import Group, Ids

PORTION = 2_000  # records of one transaction: some 20 ms without changes, 200 ms with as many
PORTIONS_A_TURN = 50
PAUSE_S = 0.02  # between portions, for whoever else wants to write

SETTLED = "settled"

log = structlog.get_logger("engram.validator")


@dataclass(frozen=True, slots=True)
class Row:
    """A record as it stands."""

    id: int
    cid: str
    group: Group
    copies: Ids
    """Miners of which there is evidence."""


class Settling:
    """Goes through the records, from the first whenever the members are others than before."""

    def __init__(self, state: State, roster: Roster, clock: Clock) -> None:
        self._state = state
        self._roster = roster
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()

    async def turn(self) -> None:
        """As many portions as a turn may have; less if there is nothing left.

        The survey asks for turns too; two at once would do the same work twice.
        """
        async with self._one_at_a_time:
            for _ in range(PORTIONS_A_TURN):
                if not await asyncio.to_thread(self.portion):
                    return
                await self._clock.sleep(PAUSE_S)

    def portion(self) -> int:
        """Settle the next records; how many. 0 if all are settled. Blocks."""
        if self._roster.table.current is None:
            return 0
        with self._state.read() as connection:
            absent = replicas.suspended(connection) & self._roster.present
            standing = self._standing(absent)
            kept = fact(connection, SETTLED) or {}
            begun = kept.get("standing") == standing
            after = kept["after"] if begun else 0
            rows = portion_after(connection, after)
        if not rows and begun:
            return 0
        if not begun:
            log.info("members changed: who is to hold what is settled anew", absent=len(absent))
        named = self._roster.named([row.cid for row in rows], absent)
        with self._state.write() as tx:
            self._settle(tx, rows, named, after)
            last = rows[-1].id if rows else after
            set_fact(tx, SETTLED, {"standing": standing, "after": last})
        return len(rows)

    def _settle(
        self, tx: sqlite3.Connection, rows: list[Row], named: list[Ids], after: int
    ) -> None:
        now = self._clock.now()
        for row, ids in zip(rows, named, strict=True):
            if ids != row.group.named or row.copies - ids:
                # Another writer may have moved the record since it was read.
                group = holder_sets.group_of(tx, row.id)
                replicas.settle(tx, row.id, group, ids, row.copies, now)
        if rows:
            by_record = {row.id: ids for row, ids in zip(rows, named, strict=True)}
            pairs = offers.offered(tx, after, rows[-1].id)
            offers.lapse(tx, [(m, r) for m, r in pairs if m not in by_record.get(r, {m})])

    def _standing(self, absent: Ids) -> dict[str, Any]:
        """All that the names of holders follow from."""
        current = self._roster.table.current
        members = current.members if current else ()
        return {
            "members": [[member.uid, member.registered_at] for member in members],
            "miners": sorted(self._roster.present),
            "absent": sorted(absent),
        }


def portion_after(connection: sqlite3.Connection, after: int) -> list[Row]:
    """The next records beyond an id."""
    rows = connection.execute(
        f"SELECT records.id AS record, cid, {holder_sets.COLUMNS} FROM records "
        "JOIN holder_sets ON holder_sets.id = holder_set "
        "WHERE records.id > ? ORDER BY records.id LIMIT ?",
        (after, PORTION),
    ).fetchall()
    if not rows:
        return []
    copies: defaultdict[int, set[int]] = defaultdict(set)
    for row in connection.execute(
        "SELECT record, miner FROM copies WHERE record > ? AND record <= ?",
        (after, rows[-1]["record"]),
    ):
        copies[row["record"]].add(row["miner"])
    return [
        Row(number, cid, holder_sets.group(rest), frozenset(copies[number]))
        for number, cid, *rest in rows
    ]

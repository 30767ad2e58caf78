"""Looks after the books of who holds what, apart from all scoring.

A turn reads a few pages of each member, and checks copies that are not confirmed: those that a
member is to hold by placement, and those that it holds in the stead of a silent one.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import defaultdict
from dataclasses import dataclass
from random import Random

import structlog

from engram.validator.audit import Examiner, Outcome, Sheet
from engram.validator.challenge import FETCHED, finding, says_nothing
from engram.validator.clock import Clock
from engram.validator.pages import Pages
from engram.validator.parallel import finished
from engram.validator.roster import Miner, Roster
from engram.validator.settling import Settling
from engram.validator.state import State, holder_sets, pool, repairs, replicas
from engram.validator.state.holder_sets import Group
from engram.validator.state.pool import KnownRecord
from engram.validator.state.replicas import Finding

log = structlog.get_logger("engram.validator")


@dataclass(frozen=True, slots=True)
class Pace:
    """How much a turn does."""

    pages: int
    """Of each member."""
    checks: int
    """Unconfirmed copies of each member."""
    deadline_s: float


class Survey:
    """One turn after the other; whoever does not answer is left to the next."""

    def __init__(
        self,
        state: State,
        roster: Roster,
        pages: Pages,
        examiner: Examiner,
        settling: Settling,
        clock: Clock,
        random: Random,
        pace: Pace,
    ) -> None:
        self._state = state
        self._roster = roster
        self._pages = pages
        self._examiner = examiner
        self._settling = settling
        self._clock = clock
        self._random = random
        self._pace = pace

    async def turn(self) -> None:
        """Pages first: what is listed need not be checked."""
        living = await asyncio.to_thread(self._living)
        reads = [self._pages.read(miner, self._pace.pages) for miner in living]
        if not await finished(reads, self._pace.deadline_s / 2):
            log.warning("the survey ran out of time; it goes on where it was")
        await self._settling.turn()
        found: list[Finding] = []
        sheets = await asyncio.to_thread(self._sheets, living)
        await finished([self._check(sheet, found) for sheet in sheets], self._pace.deadline_s / 2)
        if found:
            await asyncio.to_thread(self._note, found)

    def _living(self) -> list[Miner]:
        with self._state.read() as connection:
            suspended = replicas.suspended(connection)
        living = [miner for miner in self._roster.miners if miner.id not in suspended]
        self._random.shuffle(living)
        return living

    def _sheets(self, living: list[Miner]) -> list[Sheet]:
        with self._state.read() as connection:
            missing = groups_by_missing(connection)
            drawn = [
                (miner, self._unconfirmed(connection, missing.get(miner.id, [])))
                for miner in living
            ]
        return [self._sheet(miner, records) for miner, records in drawn if records]

    def _unconfirmed(
        self, connection: sqlite3.Connection, groups: list[Group]
    ) -> list[KnownRecord]:
        """Some records of these groups, from a random place on."""
        self._random.shuffle(groups)
        found: list[int] = []
        for group in groups:
            found += posted_in(connection, group, self._pace.checks - len(found), self._random)
            if len(found) >= self._pace.checks:
                break
        return pool.records_by_id(connection, found) if found else []

    def _sheet(self, miner: Miner, records: list[KnownRecord]) -> Sheet:
        fetched = -(-len(records) // FETCHED)
        self._random.shuffle(records)
        return Sheet(miner, records[0], records[fetched:], records[:fetched])

    async def _check(self, sheet: Sheet, found: list[Finding]) -> None:
        outcomes: dict[KnownRecord, Outcome] = await self._examiner.audit(sheet)
        now = self._clock.now()
        found += [
            finding(sheet, record, outcome, now)
            for record, outcome in outcomes.items()
            if not says_nothing(outcome)
        ]

    def _note(self, found: list[Finding]) -> None:
        with self._state.write() as tx:
            for one in found:
                replicas.note(tx, one)
            repairs.add(tx, {one.record for one in found if not one.held})
        log.info(
            "copies checked",
            confirmed=sum(f.held for f in found),
            missing=sum(not f.held for f in found),
        )


def groups_by_missing(connection: sqlite3.Connection) -> dict[int, list[Group]]:
    """Miner to the groups of records that it is to hold and has not confirmed."""
    found: defaultdict[int, list[Group]] = defaultdict(list)
    for group in holder_sets.groups(connection):
        for miner in group.missing:
            found[miner].append(group)
    return found


def posted_in(connection: sqlite3.Connection, group: Group, most: int, random: Random) -> list[int]:
    """Up to ``most`` ids of a group's records, from a random one on; none that nobody was given."""
    first, last = connection.execute(
        "SELECT min(id), max(id) FROM records WHERE holder_set = ?", (group.id,)
    ).fetchone()
    if first is None:
        return []
    start = random.randint(first, last)
    found: list[int] = []
    for low, high in ((start, last), (first, start - 1)):
        rows = connection.execute(
            "SELECT id FROM records LEFT JOIN posts ON record = id "
            "WHERE holder_set = ? AND id BETWEEN ? AND ? "
            "AND (NOT ? OR placement IS NOT NULL) ORDER BY id LIMIT ?",
            (group.id, low, high, group.own, most - len(found)),
        )
        found += [row["id"] for row in rows]
    return found

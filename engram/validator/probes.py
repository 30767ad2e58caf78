"""Draws the probes of a round: in secret namespaces, and beside users' records."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from engram.validator.ground_truth import Known, Probe, Truth, known_of, query_near, truth_of
from engram.validator.obligations import Obligations, signed_records
from engram.validator.roster import Miner, Roster
from engram.validator.state import offers, pool
from engram.validator.state.pool import KnownRecord, Namespace

SPOT_TOP_K = 10


@dataclass(frozen=True, slots=True)
class Question:
    """A probe for one miner, and what that miner owes to it."""

    miner: Miner
    probe: Probe
    truth: Truth | None
    """None for a spot probe: the record itself is owed, or what is as near."""

    @property
    def top_k(self) -> int:
        return SPOT_TOP_K if self.truth is None else self.truth.top_k


class Drawing:
    """One round's draw. Blocks on the database."""

    def __init__(
        self, connection: sqlite3.Connection, owed: Obligations, roster: Roster, random: Random
    ) -> None:
        self._connection = connection
        self._owed = owed
        self._roster = roster
        self._random = random
        self._known: dict[int, Known] = {}

    def own(self, count: int) -> list[Question]:
        """``count`` probes among our own records, each for every miner that owes to it."""
        open_ = [space for space in pool.namespaces(self._connection) if space.records]
        if not open_:
            return []
        sizes = [space.records for space in open_]
        drawn = self._random.choices(open_, sizes, k=count)
        return [question for space in drawn for question in self._in(space)]

    def spots(self, count: int) -> list[Question]:
        """``count`` probes for each miner that signed for users' records."""
        return [q for miner in self._owed.miners.values() for q in self._spots(miner, count)]

    def _in(self, space: Namespace) -> Iterator[Question]:
        records = pool.records_in(self._connection, space.id)
        probe = Probe(*self._query(self._random.choice(records)), space.name)
        held = offers.held_in(self._connection, space.id)
        known = self._searchable(space.id, records)
        ranked = known.ranked(probe.query)
        for miner in self._owed.miners.values():
            mine = self._owed.of(miner.id).intersection(known.ids)
            truth = truth_of(ranked, mine, held.get(miner.id, set())) if mine else None
            if truth is not None:
                yield Question(miner, probe, truth)

    def _spots(self, miner: Miner, count: int) -> Iterator[Question]:
        for record in signed_records(self._connection, self._roster, miner, count, self._random):
            yield Question(miner, Probe(*self._query(record), None), None)

    def _query(self, record: KnownRecord) -> tuple[KnownRecord, pool.Vector]:
        offset = self._random.randrange(2**31)
        other = pool.record_like(self._connection, offset) or record
        return record, query_near(record, other, self._random)

    def _searchable(self, namespace: int, records: list[KnownRecord]) -> Known:
        if namespace not in self._known:
            self._known[namespace] = known_of(records)
        return self._known[namespace]

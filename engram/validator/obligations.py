"""What each miner is obliged to hold: placement names it, and it signed or was offered in time."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from random import Random

from engram.validator.roster import Assignments, Miner, Roster
from engram.validator.state import pool, receipts
from engram.validator.state.offers import answered_offers
from engram.validator.state.pool import KnownRecord


@dataclass(frozen=True, slots=True)
class Obligations:
    """Judged miners by id, and the ids of the own records that each is obliged to hold."""

    miners: dict[int, Miner]
    records: dict[int, set[int]]

    def of(self, miner: int) -> set[int]:
        """Empty for a miner that owes nothing."""
        return self.records.get(miner, set())


def obligations(connection: sqlite3.Connection, assignments: Assignments) -> Obligations:
    """Assigned records that the miner signed for, or was offered before the placement block.

    An offer that was refused obliges as much as one that was taken.
    """
    offered = answered_offers(connection, assignments.placement)
    owed: dict[int, set[int]] = {miner: set() for miner in assignments.miners}
    for record, miners in assignments.records.items():
        for miner in miners:
            if record in offered.get(miner, ()):
                owed[miner].add(record)
    return Obligations(assignments.miners, owed)


def signed_records(
    connection: sqlite3.Connection, roster: Roster, miner: Miner, count: int, random: Random
) -> list[KnownRecord]:
    """Up to ``count`` users' records, drawn by chance, that a miner signed for and is assigned."""
    drawn = receipts.drawn(connection, miner.id, count, random)
    records = pool.records_by_id(connection, drawn) if drawn else []
    named = roster.assigned_to([record.cid for record in records])
    return [record for record, ids in zip(records, named, strict=True) if miner.id in ids]

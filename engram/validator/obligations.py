"""What each miner is obliged to hold: placement names it, and it was offered the bytes in time."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from engram.validator.roster import Assignments, Miner
from engram.validator.state.offers import answered_offers


@dataclass(frozen=True, slots=True)
class Obligations:
    """Judged miners by id, and the ids of the records that each is obliged to hold."""

    miners: dict[int, Miner]
    records: dict[int, set[int]]

    def of(self, miner: int) -> set[int]:
        """Empty for a miner that owes nothing."""
        return self.records.get(miner, set())


def obligations(connection: sqlite3.Connection, assignments: Assignments) -> Obligations:
    """Assigned records that the miner was offered before the current placement block.

    An offer that was refused obliges as much as one that was taken.
    """
    offered = answered_offers(connection, assignments.placement)
    owed: dict[int, set[int]] = {miner: set() for miner in assignments.miners}
    for record, miners in assignments.records.items():
        for miner in miners:
            if record in offered.get(miner, ()):
                owed[miner].add(record)
    return Obligations(assignments.miners, owed)

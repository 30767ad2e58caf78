"""Who confirmed which record. A check changes one copy, one record and the counts of two groups.

A miner that left or is suspended takes its confirmations out of every group at once, without a
row being written: what counts is looked at when the groups are read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from engram.core.limits import REPLICAS
from engram.validator.state import holder_sets
from engram.validator.state.holder_sets import Group, Ids


class Replication(StrEnum):
    """How many of a record's replicas are confirmed."""

    HEALTHY = "HEALTHY"
    """All three."""
    DEGRADED = "DEGRADED"
    """One or two."""
    LOST = "LOST"
    """None."""


class Proof(StrEnum):
    """What an evidence of a copy is."""

    RECEIPT = "receipt"
    """Signed by the holder for this record."""
    PAGE = "page"
    """Listed whole and genuine; signed for with the page if ``receipt`` is set."""
    CHALLENGE = "challenge"
    """A storage proof."""
    RETRIEVAL = "retrieval"
    """Fetched whole, the CID recomputed."""
    EARLIER = "earlier"
    """From before the kind was kept."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The latest evidence: the miner holds the record, or it does not."""

    record: int
    miner: int
    held: bool
    kind: Proof
    at: float
    """Unix seconds."""
    receipt: int | None = None
    """Placement block of a receipt that obliges the miner to a user's record."""


class Counts(NamedTuple):
    """Records in each state."""

    healthy: int
    degraded: int
    lost: int


def possible(members: int) -> int:
    """Replicas that there can be among so many members."""
    return min(REPLICAS, members)


def status(confirmed: int) -> Replication:
    """What so many confirmed replicas amount to. Fewer than three members cannot make HEALTHY."""
    if confirmed == 0:
        return Replication.LOST
    return Replication.HEALTHY if confirmed >= REPLICAS else Replication.DEGRADED


def note(tx: sqlite3.Connection, finding: Finding) -> None:
    """Write the evidence down. Rows changed: at most four, and one that goes."""
    before = holder_sets.group_of(tx, finding.record)
    tx.execute(
        "INSERT INTO copies VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
        "held = excluded.held, kind = excluded.kind, at = excluded.at, "
        "receipt = coalesce(excluded.receipt, receipt)",
        (
            finding.record,
            finding.miner,
            finding.held,
            finding.kind,
            finding.at,
            finding.receipt,
        ),
    )
    one = {finding.miner}
    holders = before.holders | one if finding.held else before.holders - one
    if holders != before.holders:
        holder_sets.move(tx, finding.record, before, before.named, holders, own=before.own)
        _touch(tx, finding.record, finding.at)
    if finding.held:
        tx.execute(
            "UPDATE records SET proved_at = max(coalesce(proved_at, 0), ?) WHERE id = ?",
            (finding.at, finding.record),
        )


def settle(
    tx: sqlite3.Connection, record: int, before: Group, named: Ids, copies: Ids, now: float
) -> Ids:
    """Name the miners that are to hold a record now; the evidence of others is forgotten.

    ``before`` is the record's group, ``copies`` are the miners of which there is evidence. Returns
    the forgotten ones.
    """
    gone = copies - named
    tx.executemany(
        "DELETE FROM copies WHERE record = ? AND miner = ?", [(record, miner) for miner in gone]
    )
    holders = before.holders & named
    if holders != before.holders:
        _touch(tx, record, now)
    holder_sets.move(tx, record, before, named, holders, own=before.own)
    return gone


def publish(tx: sqlite3.Connection, record: int) -> None:
    """From now on one of our own is a record like any user's."""
    before = holder_sets.group_of(tx, record)
    holder_sets.move(tx, record, before, before.named, before.holders, own=False)


def counting(connection: sqlite3.Connection, present: Collection[int]) -> Ids:
    """Of the miners that are present now, those whose confirmations count."""
    return frozenset(present) - suspended(connection)


def suspended(connection: sqlite3.Connection) -> Ids:
    """Ids of miners whose confirmations do not count for now."""
    rows = connection.execute("SELECT id FROM miners WHERE suspended")
    return frozenset(row["id"] for row in rows)


def status_of(group: Group, counted: Ids) -> Replication:
    """Of each record in a group, if the confirmations of these miners count."""
    return status(len(group.holders & counted))


def totals(connection: sqlite3.Connection, counted: Ids, *, own: bool | None = None) -> Counts:
    """Records in each state: all, or our own, or users' only."""
    found = dict.fromkeys(Replication, 0)
    for group in holder_sets.groups(connection):
        if own is None or group.own is own:
            found[status_of(group, counted)] += group.records
    return Counts(*found.values())


def copies_of(connection: sqlite3.Connection, record: int) -> Iterator[sqlite3.Row]:
    """The evidence of each copy of a record: miner, held, kind, at, receipt."""
    yield from connection.execute(
        "SELECT miner, held, kind, at, receipt FROM copies WHERE record = ? ORDER BY miner",
        (record,),
    )


def _touch(tx: sqlite3.Connection, record: int, now: float) -> None:
    tx.execute("UPDATE records SET changed_at = ? WHERE id = ?", (now, record))

"""What the validator offered to whom, and what came of it."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class OfferState(StrEnum):
    """How far an offer is."""

    DUE = "due"
    HELD = "held"
    """The miner acknowledged it."""
    REFUSED = "refused"
    """The miner was offered the bytes and did not take them: a failed obligation."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A record for a miner, and what was tried."""

    miner: int
    record: int
    attempts: int = 0
    throttled: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """What an offer has come to."""

    offer: Offer
    state: OfferState
    next_at: float = 0.0
    placement: int | None = None
    detail: str = ""
    signed: bool = False
    """True if there is a receipt of the miner's."""


def make_due(tx: sqlite3.Connection, pairs: Iterable[tuple[int, int]]) -> int:
    """Offer these (miner, record) unless they were offered before; how many are new."""
    before = tx.total_changes
    tx.executemany(
        "INSERT INTO offers (miner, record, state) VALUES (?, ?, 'due') ON CONFLICT DO NOTHING",
        list(pairs),
    )
    return tx.total_changes - before


def due(connection: sqlite3.Connection, now: float) -> list[Offer]:
    """The offers that may be made now."""
    rows = connection.execute(
        "SELECT miner, record, attempts, throttled FROM offers "
        "WHERE state = 'due' AND next_at <= ? ORDER BY miner, record",
        (now,),
    )
    return [Offer(**dict(row)) for row in rows]


def note(tx: sqlite3.Connection, answers: Iterable[Answered]) -> None:
    """Write down what came of offers; what is signed for stays so."""
    tx.executemany(
        "INSERT INTO offers (miner, record, state, attempts, throttled, next_at, placement, "
        "detail, signed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
        "state = excluded.state, attempts = excluded.attempts, throttled = excluded.throttled, "
        "next_at = excluded.next_at, placement = excluded.placement, detail = excluded.detail, "
        "signed = max(signed, excluded.signed) WHERE NOT signed OR excluded.signed",
        [
            (
                a.offer.miner,
                a.offer.record,
                a.state,
                a.offer.attempts,
                a.offer.throttled,
                a.next_at,
                a.placement,
                a.detail,
                a.signed,
            )
            for a in answers
        ],
    )


def lapse(tx: sqlite3.Connection, pairs: Iterable[tuple[int, int]]) -> None:
    """Placement names these miners no longer for these (miner, record): they owe nothing.

    Should it name them again, everything begins anew; until then they may still hold it.
    """
    tx.executemany(
        "UPDATE offers SET state = 'due', signed = 0, placement = NULL, next_at = 0, "
        "attempts = (state = 'held' OR attempts > 0), throttled = 0 "
        "WHERE miner = ? AND record = ?",
        list(pairs),
    )


def offered(connection: sqlite3.Connection, after: int, until: int) -> list[tuple[int, int]]:
    """(miner, record) of all offers of records with ids beyond ``after`` up to ``until``."""
    rows = connection.execute(
        "SELECT miner, record FROM offers WHERE record > ? AND record <= ?", (after, until)
    )
    return [(row["miner"], row["record"]) for row in rows]


def answered_offers(connection: sqlite3.Connection, before_placement: int) -> dict[int, set[int]]:
    """Miner to the records that it signed for, or was offered before the placement block."""
    found: defaultdict[int, set[int]] = defaultdict(set)
    for row in connection.execute(
        "SELECT miner, record FROM offers WHERE signed OR (state != 'due' AND placement < ?)",
        (before_placement,),
    ):
        found[row["miner"]].add(row["record"])
    return found


def held_in(connection: sqlite3.Connection, namespace: int) -> dict[int, set[int]]:
    """Miner to the records of a namespace that it may hold, obliged or not (any more)."""
    found: defaultdict[int, set[int]] = defaultdict(set)
    for row in connection.execute(
        "SELECT miner, record FROM offers JOIN records ON records.id = record "
        "WHERE namespace = ? AND (state = 'held' OR attempts > 0) "
        "UNION SELECT miner, record FROM posted_to JOIN records ON records.id = record "
        "WHERE namespace = ? "
        "UNION SELECT miner, record FROM copies JOIN records ON records.id = record "
        "WHERE namespace = ?",
        (namespace, namespace, namespace),
    ):
        found[row["miner"]].add(row["record"])
    return found


def counts(connection: sqlite3.Connection) -> dict[int, dict[str, int]]:
    """Miner to the number of its offers in each state."""
    found: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for row in connection.execute(
        "SELECT miner, state, count(*) AS offers FROM offers GROUP BY miner, state"
    ):
        found[row["miner"]][row["state"]] = row["offers"]
    return found

"""Miners as the validator knows them: a hotkey in a seat. Another hotkey starts from nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable

from engram.chain.interface import Neuron


def miner_id(tx: sqlite3.Connection, neuron: Neuron) -> int:
    """The id of a neuron's row, which is made if it is new."""
    seat = (neuron.uid, neuron.hotkey, neuron.registered_at)
    tx.execute(
        "INSERT INTO miners (uid, hotkey, registered_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        seat,
    )
    row = tx.execute(
        "SELECT id FROM miners WHERE uid = ? AND hotkey = ? AND registered_at = ?", seat
    ).fetchone()
    return int(row["id"])


def answered_before(connection: sqlite3.Connection) -> set[int]:
    """Ids of those that answered in the last round that counted."""
    return {row["id"] for row in connection.execute("SELECT id FROM miners WHERE answered")}


def note_answers(
    tx: sqlite3.Connection, answered: Collection[int], silent: Collection[int], now: float
) -> None:
    """Who answered in a round that counted, and who could not be reached."""
    tx.executemany(
        "UPDATE miners SET answered = 1, silent_since = NULL WHERE id = ?", ids(answered)
    )
    tx.executemany(
        "UPDATE miners SET answered = 0, silent_since = coalesce(silent_since, ?) WHERE id = ?",
        [(now, miner) for miner in silent],
    )


def suspend_silent(tx: sqlite3.Connection, before: float) -> int:
    """Suspend what the miners confirmed that have been silent since ``before``; how many."""
    return tx.execute(
        "UPDATE miners SET suspended = 1 WHERE silent_since <= ? AND NOT suspended", (before,)
    ).rowcount


def restore(tx: sqlite3.Connection, miners: Collection[int]) -> None:
    """What these confirmed counts again."""
    tx.executemany("UPDATE miners SET suspended = 0 WHERE id = ?", ids(miners))


def mark_warmed(tx: sqlite3.Connection, miners: Collection[int]) -> None:
    """They have had the minimum of known records, so they are judged from now on."""
    tx.executemany("UPDATE miners SET warmed = 1 WHERE id = ?", ids(miners))


def listed(connection: sqlite3.Connection, miner: int) -> str | None:
    """The cursor up to which a miner's records were listed; None at the beginning."""
    row = connection.execute("SELECT listed FROM miners WHERE id = ?", (miner,)).fetchone()
    return None if row is None else row["listed"]


def note_listed(tx: sqlite3.Connection, miner: int, cursor: str) -> None:
    """A miner's records were listed up to here."""
    tx.execute("UPDATE miners SET listed = ? WHERE id = ?", (cursor, miner))


def ids(miners: Iterable[int]) -> list[tuple[int]]:
    """As parameters of a statement."""
    return [(miner,) for miner in miners]

"""Free balances, and the books that show where every rao came from and went."""

from __future__ import annotations

import sqlite3

MINTED, EMITTED, RECYCLED = "minted", "emitted", "recycled"


def balance(connection: sqlite3.Connection, address: str) -> int:
    """In rao."""
    row = connection.execute("SELECT rao FROM balances WHERE address = ?", (address,)).fetchone()
    return int(row[0]) if row else 0


def credit(connection: sqlite3.Connection, address: str, amount: int) -> None:
    """Add ``amount`` rao."""
    connection.execute(
        "INSERT INTO balances VALUES (?1, ?2) ON CONFLICT (address) DO UPDATE SET rao = rao + ?2",
        (address, amount),
    )


def debit(connection: sqlite3.Connection, address: str, amount: int) -> bool:
    """Take ``amount`` rao away; False, and nothing happens, if there is less."""
    if balance(connection, address) < amount:
        return False
    credit(connection, address, -amount)
    return True


def book(connection: sqlite3.Connection, name: str, amount: int) -> None:
    """Count ``amount`` rao under one of the three names above."""
    connection.execute(
        "INSERT INTO totals VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET rao = rao + ?2",
        (name, amount),
    )


def totals(connection: sqlite3.Connection) -> dict[str, int]:
    """Rao under each name."""
    found = dict(connection.execute("SELECT name, rao FROM totals"))
    return {name: found.get(name, 0) for name in (MINTED, EMITTED, RECYCLED)}

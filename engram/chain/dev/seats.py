"""The UIDs of a subnet, with every state they had: a snapshot of an earlier block is a query."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, fields

from engram.chain.dev.blocks import hash_in_run
from engram.chain.dev.rules import units
from engram.chain.dev.schema import FOREVER
from engram.chain.interface import Axon, Neuron


@dataclass(frozen=True, slots=True)
class Seat:
    """One UID from one block to another. Amounts in rao."""

    uid: int
    hotkey: str
    coldkey: str
    public_key: bytes
    registered_at: int
    ip: str | None
    port: int | None
    served_at: int | None
    stake: int
    last_update: int
    permit: bool
    incentive: float
    dividends: float
    emission: int

    def to_neuron(self, registered_hash: bytes) -> Neuron:
        return Neuron(
            uid=self.uid,
            hotkey=self.hotkey,
            coldkey=self.coldkey,
            public_key=self.public_key,
            axon=None if self.ip is None or self.port is None else Axon(self.ip, self.port),
            stake=units(self.stake),
            incentive=self.incentive,
            dividends=self.dividends,
            emission=units(self.emission),
            validator_permit=self.permit,
            last_update=self.last_update,
            registered_at=self.registered_at,
            registered_hash=registered_hash,
        )


_COLUMNS = [field.name for field in fields(Seat)]
_LIST = ", ".join(_COLUMNS)
_MARKS = ", ".join("?" for _ in _COLUMNS)
_PERMIT = _COLUMNS.index("permit")


def current(connection: sqlite3.Connection, netuid: int) -> list[Seat]:
    """Every UID as the next block will have it, in ascending order."""
    rows = connection.execute(
        f"SELECT {_LIST} FROM neurons WHERE netuid = ? AND until = ? ORDER BY uid",
        (netuid, FOREVER),
    )
    return [_seat(row) for row in rows]


def find(connection: sqlite3.Connection, netuid: int, hotkey: str) -> Seat | None:
    """The UID of a hotkey as the next block will have it."""
    row = connection.execute(
        f"SELECT {_LIST} FROM neurons WHERE netuid = ? AND until = ? AND hotkey = ?",
        (netuid, FOREVER, hotkey),
    ).fetchone()
    return _seat(row) if row else None


def neurons_at(connection: sqlite3.Connection, netuid: int, block: int) -> tuple[Neuron, ...]:
    """Every UID as of a block up to the head, in ascending order."""
    rows = connection.execute(
        f"SELECT {_LIST}, (SELECT seed FROM runs WHERE first <= registered_at"
        " ORDER BY first DESC LIMIT 1)"
        " FROM neurons WHERE netuid = ?1 AND until > ?2 AND since <= ?2 ORDER BY uid",
        (netuid, block),
    )
    seats = ((_seat(row[:-1]), row[-1]) for row in rows)
    return tuple(seat.to_neuron(hash_in_run(seed, seat.registered_at)) for seat, seed in seats)


def put(connection: sqlite3.Connection, netuid: int, block: int, seats: Iterable[Seat]) -> None:
    """From ``block`` on these UIDs are so. A second change within a block replaces the first."""
    changed = list(seats)
    keys = [(netuid, seat.uid, block) for seat in changed]
    connection.executemany("DELETE FROM neurons WHERE netuid = ? AND uid = ? AND since = ?", keys)
    connection.executemany(
        f"UPDATE neurons SET until = ?3 WHERE netuid = ?1 AND uid = ?2 AND until = {FOREVER}", keys
    )
    connection.executemany(
        f"INSERT INTO neurons (netuid, since, until, {_LIST}) VALUES (?, ?, {FOREVER}, {_MARKS})",
        [(netuid, block, *_row(seat)) for seat in changed],
    )


def forget(connection: sqlite3.Connection, netuid: int, before: int) -> None:
    """Drop states that ended before a block."""
    connection.execute("DELETE FROM neurons WHERE netuid = ? AND until < ?", (netuid, before))


def _row(seat: Seat) -> list[object]:
    return [getattr(seat, name) for name in _COLUMNS]


def _seat(row: tuple[object, ...]) -> Seat:
    values = list(row)
    values[_PERMIT] = bool(values[_PERMIT])
    return Seat(*values)  # type: ignore[arg-type]  # STRICT tables hold what they declare

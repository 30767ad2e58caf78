"""The records that miners are obliged to hold: the validator's own, and users'."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engram.validator.state import replicas


@dataclass(frozen=True, slots=True)
class Namespace:
    """Where some of the validator's own records live, under a name like anybody's."""

    id: int
    name: str
    style: str
    size: int
    records: int


@dataclass(frozen=True, slots=True, eq=False)
class KnownRecord:
    """A record whose bytes the validator has."""

    id: int
    cid: str
    vector: NDArray[np.float32]
    """float32, shape (384,), as the CID covers it."""
    namespace: int | None
    """None for a user's record."""


Vector = NDArray[np.float32]
"""float32, shape (384,)."""

KNOWN = "SELECT records.id, cid, embedding, namespace FROM records "


def open_namespace(
    tx: sqlite3.Connection, name: str, style: str, size: int, now: float
) -> Namespace:
    """A new namespace. The name must be new."""
    made = tx.execute(
        "INSERT INTO namespaces (name, style, size, opened_at) VALUES (?, ?, ?, ?)",
        (name, style, size, now),
    )
    return Namespace(int(made.lastrowid or 0), name, style, size, 0)


def namespaces(connection: sqlite3.Connection) -> list[Namespace]:
    """Those that are probed, the oldest first."""
    rows = connection.execute(
        "SELECT namespaces.id, name, style, size, count(records.id) AS records FROM namespaces "
        "LEFT JOIN records ON records.namespace = namespaces.id "
        "WHERE retired_at IS NULL GROUP BY namespaces.id ORDER BY namespaces.id"
    )
    return [Namespace(**dict(row)) for row in rows]


def retire_oldest(tx: sqlite3.Connection, opened_before: float, now: float) -> bool:
    """Stop probing the oldest namespace, if it was opened before and is not the only one."""
    oldest, *others = tx.execute(
        "SELECT id, opened_at FROM namespaces WHERE retired_at IS NULL ORDER BY opened_at, id"
    ).fetchall() or [None]
    if oldest is None or not others or oldest["opened_at"] >= opened_before:
        return False
    tx.execute("UPDATE namespaces SET retired_at = ? WHERE id = ?", (now, oldest["id"]))
    return True


def add_record(
    tx: sqlite3.Connection,
    cid: str,
    embedding: bytes,
    metadata: dict[str, Any],
    namespace: int | None,
) -> int | None:
    """The new record's id; None if it is known already."""
    made = tx.execute(
        "INSERT INTO records (cid, embedding, metadata, namespace) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        (cid, embedding, json.dumps(metadata, ensure_ascii=False), namespace),
    )
    if not made.rowcount:
        return None
    replicas.count_new(tx)
    return made.lastrowid


def live_records(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    """(id, CID) of every record that is an obligation of whoever is assigned to it."""
    rows = connection.execute(
        "SELECT records.id, cid FROM records LEFT JOIN namespaces ON namespaces.id = namespace "
        "WHERE retired_at IS NULL ORDER BY records.id"
    )
    return [(row["id"], row["cid"]) for row in rows]


def records_in(connection: sqlite3.Connection, namespace: int) -> list[KnownRecord]:
    """Every record of a namespace."""
    rows = connection.execute(KNOWN + "WHERE namespace = ? ORDER BY records.id", (namespace,))
    return [known(row) for row in rows]


def records_by_id(connection: sqlite3.Connection, ids: Sequence[int]) -> list[KnownRecord]:
    """The records with these ids, in any order."""
    marks = ",".join("?" * len(ids))
    rows = connection.execute(KNOWN + f"WHERE records.id IN ({marks})", ids)
    return [known(row) for row in rows]


def record_like(connection: sqlite3.Connection, offset: int) -> KnownRecord | None:
    """Some record of our own, from any namespace, chosen by a random ``offset`` of 0 or more."""
    (count,) = connection.execute(
        "SELECT count(*) FROM records WHERE namespace IS NOT NULL"
    ).fetchone()
    if not count:
        return None
    row = connection.execute(
        KNOWN + "WHERE namespace IS NOT NULL LIMIT 1 OFFSET ?", (offset % count,)
    ).fetchone()
    return known(row)


def post_of(connection: sqlite3.Connection, record: int) -> tuple[bytes, dict[str, Any]]:
    """Embedding and metadata, as they are offered to a miner."""
    row = connection.execute(
        "SELECT embedding, metadata FROM records WHERE id = ?", (record,)
    ).fetchone()
    return bytes(row["embedding"]), json.loads(row["metadata"])


def knows_text(connection: sqlite3.Connection, text: str) -> bool:
    """True if a record of our own was made from this very text."""
    row = connection.execute(
        "SELECT 1 FROM records WHERE json_extract(metadata, '$.text') = ? LIMIT 1", (text,)
    ).fetchone()
    return row is not None


def known(row: sqlite3.Row) -> KnownRecord:
    """A row of KNOWN."""
    vector = np.frombuffer(row["embedding"], dtype="<f4")
    return KnownRecord(row["id"], row["cid"], vector, row["namespace"])

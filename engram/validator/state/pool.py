"""The records that miners are obliged to hold: the validator's own, and users'."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engram.validator.state import holder_sets, replicas

NOBODY: frozenset[int] = frozenset()


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

KNOWN = (
    "SELECT records.id, cid, embedding, namespace FROM records "
    "JOIN contents ON contents.record = records.id "
)


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
    """Stop probing the oldest namespace, if it was opened before and is not the only one.

    Its records are users' from then on, as far as the validator is concerned.
    """
    oldest, *others = tx.execute(
        "SELECT id, opened_at FROM namespaces WHERE retired_at IS NULL ORDER BY opened_at, id"
    ).fetchall() or [None]
    if oldest is None or not others or oldest["opened_at"] >= opened_before:
        return False
    tx.execute("UPDATE namespaces SET retired_at = ? WHERE id = ?", (now, oldest["id"]))
    for row in tx.execute("SELECT id FROM records WHERE namespace = ?", (oldest["id"],)).fetchall():
        replicas.publish(tx, row["id"])
    return True


def add_record(
    tx: sqlite3.Connection,
    cid: str,
    embedding: bytes,
    metadata: dict[str, Any],
    namespace: int | None,
) -> int | None:
    """The new record's id; None if it is known already. Nobody has confirmed it yet.

    Who is to hold it is settled later. ``namespace`` is None for a user's record.
    """
    if id_of(tx, cid) is not None:
        return None
    group = holder_sets.enter(tx, NOBODY, NOBODY, own=namespace is not None)
    made = tx.execute(
        "INSERT INTO records (cid, namespace, holder_set) VALUES (?, ?, ?)", (cid, namespace, group)
    ).lastrowid
    tx.execute(
        "INSERT INTO contents VALUES (?, ?, ?)",
        (made, embedding, json.dumps(metadata, ensure_ascii=False)),
    )
    return made


def id_of(connection: sqlite3.Connection, cid: str) -> int | None:
    """The id of a record, our own or a user's; None if it is not known."""
    row = connection.execute("SELECT id FROM records WHERE cid = ?", (cid,)).fetchone()
    return None if row is None else int(row["id"])


def ids_of(connection: sqlite3.Connection, cids: Collection[str]) -> dict[str, int]:
    """CID to id, of those that are known. For some hundreds at once."""
    marks = ",".join("?" * len(cids))
    rows = connection.execute(f"SELECT cid, id FROM records WHERE cid IN ({marks})", tuple(cids))
    return {row["cid"]: row["id"] for row in rows}


def count(connection: sqlite3.Connection) -> int:
    """Records that are known, our own among them."""
    (found,) = connection.execute("SELECT coalesce(sum(records), 0) FROM holder_sets").fetchone()
    return int(found)


def own_among(connection: sqlite3.Connection, records: Collection[int]) -> set[int]:
    """Those of the ids that are of our own and still probed."""
    marks = ",".join("?" * len(records))
    rows = connection.execute(
        "SELECT records.id FROM records JOIN holder_sets ON holder_sets.id = holder_set "
        f"WHERE own AND records.id IN ({marks})",
        tuple(records),
    )
    return {row["id"] for row in rows}


def live_records(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    """(id, CID) of the validator's own records in the namespaces that are probed."""
    rows = connection.execute(
        "SELECT records.id, cid FROM namespaces JOIN records ON namespace = namespaces.id "
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
        KNOWN + "WHERE namespace IS NOT NULL ORDER BY namespace LIMIT 1 OFFSET ?",
        (offset % count,),
    ).fetchone()
    return known(row)


def post_of(connection: sqlite3.Connection, record: int) -> tuple[bytes, dict[str, Any]]:
    """Embedding and metadata, as they are offered to a miner."""
    row = connection.execute(
        "SELECT embedding, metadata FROM contents WHERE record = ?", (record,)
    ).fetchone()
    return bytes(row["embedding"]), json.loads(row["metadata"])


def knows_text(connection: sqlite3.Connection, text: str) -> bool:
    """True if a record of our own was made from this very text."""
    row = connection.execute(
        "SELECT 1 FROM contents WHERE metadata != '{}' "
        "AND json_extract(metadata, '$.text') = ? LIMIT 1",
        (text,),
    ).fetchone()
    return row is not None


def known(row: sqlite3.Row) -> KnownRecord:
    """A row of KNOWN."""
    vector = np.frombuffer(row["embedding"], dtype="<f4")
    return KnownRecord(row["id"], row["cid"], vector, row["namespace"])

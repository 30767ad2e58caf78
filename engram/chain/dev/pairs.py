"""Weights and bonds as the ledger stores them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np

from engram.chain.dev.yuma import Floats

Pairs = Sequence[tuple[int, int]]
"""(uid, weight), both u16."""


def pack(pairs: Pairs) -> bytes:
    return np.array(pairs, "<u2").tobytes()


def unpack(data: bytes) -> list[tuple[int, int]]:
    return [(int(uid), int(weight)) for uid, weight in np.frombuffer(data, "<u2").reshape(-1, 2)]


def store_weights(
    connection: sqlite3.Connection, netuid: int, uid: int, block: int, data: bytes
) -> None:
    """``data`` is packed pairs, set in ``block``; they replace what the UID said before."""
    connection.execute(
        "INSERT OR REPLACE INTO weights VALUES (?, ?, ?, ?)", (netuid, uid, block, data)
    )


def weights(connection: sqlite3.Connection, netuid: int) -> dict[int, tuple[int, bytes]]:
    """By UID: the block in which it set its weights, and the packed pairs."""
    rows = connection.execute("SELECT uid, block, pairs FROM weights WHERE netuid = ?", (netuid,))
    return {uid: (block, data) for uid, block, data in rows}


def weight_matrix(
    found: dict[int, tuple[int, bytes]], registered_at: Sequence[int], size: int
) -> Floats:
    """Shape (size, size). Weights for oneself, and for who held a UID before, do not count."""
    matrix = np.zeros((size, size))
    since = np.array(registered_at)
    for uid, (block, data) in found.items():
        pairs = np.frombuffer(data, "<u2").reshape(-1, 2)
        matrix[uid, pairs[:, 0]] = pairs[:, 1]
        matrix[uid, since >= block] = 0.0
    np.fill_diagonal(matrix, 0.0)
    return matrix


def bond_matrix(connection: sqlite3.Connection, netuid: int, size: int) -> Floats:
    """Shape (size, size)."""
    matrix = np.zeros((size, size))
    rows = connection.execute("SELECT uid, row FROM bonds WHERE netuid = ?", (netuid,))
    for uid, data in rows:
        row = np.frombuffer(data, "<f8")
        matrix[uid, : len(row)] = row
    return matrix


def store_bonds(connection: sqlite3.Connection, netuid: int, matrix: Floats) -> None:
    holders = np.flatnonzero(matrix.any(axis=1)).tolist()
    connection.execute("DELETE FROM bonds WHERE netuid = ?", (netuid,))
    connection.executemany(
        "INSERT INTO bonds VALUES (?, ?, ?)",
        [(netuid, uid, matrix[uid].astype("<f8").tobytes()) for uid in holders],
    )


def forget(connection: sqlite3.Connection, netuid: int, uid: int) -> None:
    """Drop what a UID said, has committed and holds; bonds on it go with the next epoch."""
    for table in ("weights", "commits", "bonds"):
        connection.execute(f"DELETE FROM {table} WHERE netuid = ? AND uid = ?", (netuid, uid))

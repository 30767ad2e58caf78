"""Blocks and their hashes.

Blocks that are made in one go form a run. Its seed is drawn when it is made, so nobody can know a
hash before its block exists, and a run of any length is one row.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3

from engram.chain.interface import Block

GENESIS = 0
_NUMBER_BYTES = 8


def hash_in_run(seed: bytes, number: int) -> bytes:
    """32 bytes: SHA-256(the run's seed ‖ the number, 8 little-endian bytes)."""
    return hashlib.sha256(seed + number.to_bytes(_NUMBER_BYTES, "little")).digest()


def start(connection: sqlite3.Connection) -> None:
    """Make the genesis block, with a hash that no other chain has."""
    connection.execute(
        "INSERT INTO runs VALUES (?, ?, ?)", (GENESIS, GENESIS, secrets.token_bytes(32))
    )


def head(connection: sqlite3.Connection) -> Block:
    """The last block."""
    number, seed = connection.execute(
        "SELECT last, seed FROM runs ORDER BY first DESC LIMIT 1"
    ).fetchone()
    return Block(number, hash_in_run(seed, number))


def block_at(connection: sqlite3.Connection, number: int) -> Block:
    """A block up to the head."""
    (seed,) = connection.execute(
        "SELECT seed FROM runs WHERE first <= ? ORDER BY first DESC LIMIT 1", (number,)
    ).fetchone()
    return Block(number, hash_in_run(seed, number))


def extend(connection: sqlite3.Connection, last: int) -> None:
    """Make every block after the head up to ``last``: 32 random bytes, mixed with the parent."""
    parent = head(connection)
    if last <= parent.number:
        return
    seed = hashlib.sha256(secrets.token_bytes(32) + parent.hash).digest()
    connection.execute("INSERT INTO runs VALUES (?, ?, ?)", (parent.number + 1, last, seed))

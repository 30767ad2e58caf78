"""Blocks, transactions, balances and chunks of the local gateway, in one SQLite file."""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

from engram.blobs.arweave.merkle import Tree, proven_span, proves, spans
from engram.blobs.arweave.transaction import Transaction, from_json
from engram.blobs.arweave.wallet import address_of

ANCHOR_BLOCKS = 50
BASE_PRICE = 1_000_000  # winston for a transaction, of the order of the public network's
BYTE_PRICE = 500  # winston for a byte
SCHEMA = """
CREATE TABLE IF NOT EXISTS blocks (height INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE IF NOT EXISTS transactions (
    id TEXT PRIMARY KEY,
    header TEXT NOT NULL,                 -- JSON as it was posted, without data
    data_root BLOB NOT NULL,
    data_size INTEGER NOT NULL,
    height INTEGER                        -- of its block; NULL: in the mempool
) STRICT;
CREATE INDEX IF NOT EXISTS by_root ON transactions (data_root);
CREATE TABLE IF NOT EXISTS tags (
    id TEXT NOT NULL REFERENCES transactions (id),
    name TEXT NOT NULL,
    value TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS by_tag ON tags (name, value);
CREATE TABLE IF NOT EXISTS chunks (
    data_root BLOB NOT NULL,
    start INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (data_root, start)
) STRICT;
CREATE TABLE IF NOT EXISTS balances (address TEXT PRIMARY KEY, winston INTEGER NOT NULL) STRICT;
"""


class Refused(Exception):
    """A status and a word, as a real node answers."""

    def __init__(self, status: int, word: str) -> None:
        super().__init__(word)
        self.status = status
        self.word = word


class Ledger:
    """Every call blocks and may come from any thread."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.executescript(SCHEMA)
        self._lock = RLock()
        if self.height() < 0:
            self.mine()

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def height(self) -> int:
        """Of the newest block; -1 before the first."""
        (found,) = self._row("SELECT coalesce(max(height), -1) FROM blocks")
        return int(found)

    def anchor(self) -> bytes:
        """The newest block's hash, 48 bytes."""
        (found,) = self._row("SELECT hash FROM blocks ORDER BY height DESC LIMIT 1")
        return bytes(found)

    def mine(self, blocks: int = 1) -> int:
        """Add blocks; the first takes all of the mempool. The new height."""
        with self._change() as change:
            for _ in range(blocks):
                height = self.height() + 1
                change.execute(
                    "INSERT INTO blocks VALUES (?, ?)", (height, secrets.token_bytes(48))
                )
                change.execute("UPDATE transactions SET height = ? WHERE height IS NULL", (height,))
        return self.height()

    def forget_mempool(self) -> int:
        """Drop what no block has, as nodes do under load; how many transactions."""
        with self._change() as change:
            gone = "SELECT id FROM transactions WHERE height IS NULL"
            change.execute(f"DELETE FROM tags WHERE id IN ({gone})")
            return change.execute("DELETE FROM transactions WHERE height IS NULL").rowcount

    def mint(self, address: str, winston: int) -> int:
        """Give a wallet money, which costs nothing here; its balance."""
        with self._change() as change:
            change.execute(
                "INSERT INTO balances VALUES (?, ?) "
                "ON CONFLICT DO UPDATE SET winston = winston + excluded.winston",
                (address, winston),
            )
        return self.balance(address)

    def balance(self, address: str) -> int:
        """Winston."""
        row = self._find("SELECT winston FROM balances WHERE address = ?", (address,))
        return int(row[0]) if row is not None else 0

    def price(self, size: int) -> int:
        """Winston for so many bytes."""
        return BASE_PRICE + BYTE_PRICE * size

    def take(self, transaction: Transaction, data: bytes) -> None:
        """Put a transaction into the mempool and take its reward. Raises Refused."""
        with self._change() as change:
            if self._find("SELECT 1 FROM transactions WHERE id = ?", (transaction.id,)):
                raise Refused(208, "Transaction already processed.")
            self._require_sound(transaction, data)
            header = transaction.to_json()
            change.execute(
                "INSERT INTO transactions VALUES (?, ?, ?, ?, NULL)",
                (
                    transaction.id,
                    json.dumps(header),
                    transaction.data_root,
                    transaction.data_size,
                ),
            )
            change.executemany(
                "INSERT INTO tags VALUES (?, ?, ?)",
                [(transaction.id, tag.name, tag.value) for tag in transaction.tags],
            )
            change.execute(
                "UPDATE balances SET winston = winston - ? WHERE address = ?",
                (transaction.reward, address_of(transaction.owner)),
            )
            if data:
                self._keep_chunk(transaction.data_root, 0, data)

    def take_chunk(self, root: bytes, size: int, offset: int, path: bytes, data: bytes) -> None:
        """Keep a chunk that its path proves. Raises Refused."""
        with self._change():
            known = self._find(
                "SELECT 1 FROM transactions WHERE data_root = ? AND data_size = ?", (root, size)
            )
            if known is None:
                raise Refused(400, "data_root_not_found")
            span = proven_span(root, size, offset, path)
            if span is None or not proves(root, size, data, offset, path):
                raise Refused(400, "invalid_proof")
            self._keep_chunk(root, span.start, data)

    def transaction(self, transaction_id: str) -> tuple[Transaction, int | None] | None:
        """Header and height of its block (None: in the mempool)."""
        row = self._find("SELECT header, height FROM transactions WHERE id = ?", (transaction_id,))
        return (from_json(json.loads(row[0])), row[1]) if row is not None else None

    def data(self, transaction: Transaction) -> bytes | None:
        """All its bytes; None while chunks are missing."""
        parts = []
        for span in spans(transaction.data_size):
            if not len(span):
                continue
            row = self._find(
                "SELECT data FROM chunks WHERE data_root = ? AND start = ?",
                (transaction.data_root, span.start),
            )
            if row is None:
                return None
            parts.append(bytes(row[0]))
        return b"".join(parts)

    def find(self, tags: list[tuple[str, list[str]]], first: int) -> list[str]:
        """Ids that carry one of the values for every name, newest first."""
        query = "SELECT id FROM transactions WHERE 1"
        values: list[str] = []
        for name, allowed in tags:
            marks = ", ".join("?" for _ in allowed)
            query += f" AND id IN (SELECT id FROM tags WHERE name = ? AND value IN ({marks}))"
            values += [name, *allowed]
        rows = self._rows(f"{query} ORDER BY rowid DESC LIMIT ?", (*values, first))
        return [str(row[0]) for row in rows]

    def _require_sound(self, transaction: Transaction, data: bytes) -> None:
        if not transaction.is_genuine:
            raise Refused(400, "Transaction verification failed.")
        row = self._find("SELECT height FROM blocks WHERE hash = ?", (transaction.anchor,))
        if row is None or self.height() - int(row[0]) > ANCHOR_BLOCKS:
            raise Refused(400, "Invalid anchor (last_tx).")
        if transaction.reward < self.price(transaction.data_size):
            raise Refused(400, "Transaction reward is too low.")
        if self.balance(address_of(transaction.owner)) < transaction.reward:
            raise Refused(400, "Insufficient balance: the wallet would be overspent.")
        if data and not is_all_of(transaction, data):
            raise Refused(400, "invalid_data_root")

    def _keep_chunk(self, root: bytes, start: int, data: bytes) -> None:
        self._connection.execute(
            "INSERT INTO chunks VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (root, start, data)
        )

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def _row(self, query: str) -> tuple[Any, ...]:
        row = self._find(query, ())
        assert row is not None
        return row

    def _find(self, query: str, values: tuple[Any, ...]) -> tuple[Any, ...] | None:
        with self._lock:
            row: tuple[Any, ...] | None = self._connection.execute(query, values).fetchone()
        return row

    def _rows(self, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()


def is_all_of(transaction: Transaction, data: bytes) -> bool:
    """Whether data that was sent along is one chunk, and the transaction's."""
    found = tuple(spans(len(data)))
    if len(data) != transaction.data_size or len([s for s in found if len(s)]) != 1:
        return False
    hashes = tuple(hashlib.sha256(data[s.start : s.end]).digest() for s in found)
    return Tree(found, hashes).root == transaction.data_root

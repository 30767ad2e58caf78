"""The validator's database: one writer, readers beside it, every commit on disk."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from engram.errors import NotFound
from engram.storage.database import ReaderPool, open_durable, require_ours, transaction
from engram.validator.state.schema import APPLICATION_ID, MIGRATIONS

FILE_NAME = "validator.sqlite3"


class State:
    """Blocks; may be used from any thread. Call it off the event loop."""

    def __init__(self, folder: Path) -> None:
        """Raises StoreError, StoreTooNew, StoreCorrupt or StorageFull."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / FILE_NAME
        self._writer = open_durable(path, APPLICATION_ID, MIGRATIONS)
        self._writer.row_factory = sqlite3.Row
        self._readers = ReaderPool(path)
        self._lock = Lock()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it is on disk afterwards, or nothing."""
        with self._lock, transaction(self._writer) as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection that reads; never waits for a writer."""
        with self._readers.reader() as connection:
            connection.row_factory = sqlite3.Row
            yield connection

    def close(self) -> None:
        """Let go of the file; nothing is lost without it."""
        self._readers.close()
        with self._lock:
            self._writer.close()


@contextmanager
def read_only(folder: Path) -> Iterator[sqlite3.Connection]:
    """Another process's state, to look at. Raises NotFound if there is none."""
    path = folder / FILE_NAME
    if not path.exists():
        raise NotFound(f"{folder} holds no validator's state; name its folder with --data-dir.")
    readers = ReaderPool(path)
    try:
        with readers.reader() as connection:
            require_ours(connection, path, APPLICATION_ID, MIGRATIONS)
            connection.row_factory = sqlite3.Row
            yield connection
    finally:
        readers.close()


def set_fact(tx: sqlite3.Connection, name: str, value: Any) -> None:
    """Remember a JSON value under a name."""
    tx.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value)))


def fact(connection: sqlite3.Connection, name: str) -> Any:
    """The value last set, or None."""
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return None if row is None else json.loads(row[0])

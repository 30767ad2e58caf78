"""The SQLite file: how it is opened, migrated and shared between threads."""

from __future__ import annotations

import errno
import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engram.errors import NotReady, StorageFull, StoreCorrupt, StoreError, StoreTooNew

APPLICATION_ID = 0x454E4752  # "ENGR": `file` and this module recognise the database by it

# Applied in order; PRAGMA user_version says how many have been. Never edit one that was released.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE records (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice, even after a delete
            cid BLOB NOT NULL UNIQUE,                   -- the 32 digest bytes
            embedding BLOB NOT NULL,                    -- 1,536 bytes, little-endian float32
            metadata BLOB NOT NULL,                     -- JSON object, UTF-8
            text TEXT,                                  -- side text, outside the CID
            model_version TEXT NOT NULL,
            stored_at REAL NOT NULL                     -- unix seconds
        ) STRICT
        """,
        "CREATE TABLE tombstones (cid BLOB PRIMARY KEY, deleted_at REAL NOT NULL) STRICT",
        "CREATE TABLE identity (database_id BLOB NOT NULL) STRICT",
        "INSERT INTO identity VALUES (randomblob(16))",
        f"PRAGMA application_id = {APPLICATION_ID}",
    ),
    (  # only new tables: done at once however large the store is, and records stay as they were
        """
        CREATE TABLE outbox (            -- who is still to be sent which record
            seat INTEGER NOT NULL,       -- Member.seat
            cid BLOB NOT NULL,           -- of a record in `records`
            queued_at REAL NOT NULL,     -- unix seconds
            PRIMARY KEY (seat, cid)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE unverified_texts (  -- side texts that are kept and not served
            sequence INTEGER PRIMARY KEY,
            text TEXT NOT NULL
        ) STRICT
        """,
        "CREATE TABLE damaged (sequence INTEGER PRIMARY KEY) STRICT",  # seen not to hash to its CID
    ),
)

_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_PRIMARY = 0xFF  # the low byte of an extended result code
_WRITER_CACHE_KIB = 16_384  # the CID index is written at random places; keep it in memory
_READER_CACHE_KIB = 512  # the operating system caches too
_CHECKPOINT_PAGES = 4_096  # 16 MiB of log: each page of the CID index is copied less often
_LOG_LIMIT_BYTES = 64 * 1024 * 1024


def connect(path: Path, *, writable: bool) -> sqlite3.Connection:
    """A connection in autocommit mode that any one thread at a time may use."""
    connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    connection.text_factory = _lenient
    cache = _WRITER_CACHE_KIB if writable else _READER_CACHE_KIB
    try:  # the first statement reads the file, which may be no database
        connection.execute(f"PRAGMA cache_size = -{cache}")
        if not writable:
            connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


Migrations = tuple[tuple[str, ...], ...]
"""Statements of each schema version, in order."""


def open_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes the store's records: created, migrated and durable."""
    return open_durable(path, APPLICATION_ID, MIGRATIONS)


def open_durable(path: Path, application: int, migrations: Migrations) -> sqlite3.Connection:
    """The one connection that writes a database of ours: created, migrated and durable.

    ``application`` marks the file as this kind of database. Raises StoreError for another kind,
    StoreTooNew for a later schema, StoreCorrupt, StorageFull.
    """
    with translated():
        connection = connect(path, writable=True)
        try:
            require_ours(connection, path, application, migrations)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")  # a commit is on disk when it returns
            connection.execute("PRAGMA secure_delete = ON")  # a deleted record's bytes are zeroed
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA journal_size_limit = {_LOG_LIMIT_BYTES}")
            _migrate(connection, migrations)
        except BaseException:
            connection.close()
            raise
        return connection


def database_id(connection: sqlite3.Connection) -> bytes:
    """16 random bytes, drawn when the database was created."""
    (found,) = connection.execute("SELECT database_id FROM identity").fetchone()
    return bytes(found)


@contextmanager
def translated() -> Iterator[None]:
    """Turn SQLite's errors into ours. Raises StorageFull, StoreCorrupt or StoreError."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        if code in _FULL:
            raise StorageFull(f"the disk is full or failing: {error}", retry_after=30) from error
        if code in _DAMAGED:
            raise StoreCorrupt(
                f"the database is damaged: {error}; run engram fsck, or restore a backup"
            ) from error
        raise StoreError(f"the database refused: {error}") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        raise StorageFull(f"the disk is full or failing: {error}", retry_after=30) from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All or nothing, on disk when it returns."""
    with translated():
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


class ReaderPool:
    """Read connections, one for each thread that reads at the same time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False

    @contextmanager
    def reader(self) -> Iterator[sqlite3.Connection]:
        """Borrow a connection. Raises NotReady after ``close``."""
        if self._closed:
            raise NotReady("the store is closed")
        with translated():
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = connect(self._path, writable=False)
            try:
                yield connection
            finally:
                self._give_back(connection)

    def close(self) -> None:
        """Close idle connections now, and those still lent when they come back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if self._closed or connection.in_transaction:
            connection.close()
        else:
            self._idle.append(connection)
            if self._closed:  # since the line above
                self.close()


def _lenient(raw: bytes) -> str:
    """Damaged text must reach the check of the CID, which refuses it, not fail before."""
    return raw.decode("utf-8", "replace")


def require_ours(
    connection: sqlite3.Connection,
    path: Path,
    application: int = APPLICATION_ID,
    migrations: Migrations = MIGRATIONS,
) -> int:
    """The schema's version. Raises StoreError for another program's file, StoreTooNew."""
    (found,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and found != application:
        raise StoreError(f"{path} is a database of another program")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(migrations):
        raise StoreTooNew(
            f"{path} has schema version {version}, this Engram knows up to {len(migrations)}; "
            "install a newer Engram"
        )
    return int(version)


def _migrate(connection: sqlite3.Connection, migrations: Migrations) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for number, statements in enumerate(migrations[version:], version + 1):
        with transaction(connection):
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")

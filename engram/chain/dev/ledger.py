"""The ledger file: how it is made, opened, and shared between threads and processes."""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engram.chain.dev.schema import APPLICATION_ID, MIGRATIONS
from engram.errors import ChainUnavailable

_PRIMARY = 0xFF  # the low byte of an extended result code
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class Deadline:
    """The moment at which a call gives up."""

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._end = monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds, never negative."""
        return max(0.0, self._end - self._monotonic())


@dataclass(frozen=True, slots=True)
class _Link:
    """A connection, and the file that it was opened on: a ledger may be replaced by another."""

    connection: sqlite3.Connection
    inode: int


class Ledger:
    """Connections to one ledger; each is used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: deque[_Link] = deque()
        self._closed = False

    @contextmanager
    def read(self, deadline: Deadline) -> Iterator[sqlite3.Connection]:
        """One consistent view. Raises ChainUnavailable."""
        with self._transaction("BEGIN", deadline) as connection:
            yield connection

    @contextmanager
    def write(self, deadline: Deadline) -> Iterator[sqlite3.Connection]:
        """All or nothing, on disk when it returns; one writer at a time.

        Raises ChainUnavailable.
        """
        with self._transaction("BEGIN IMMEDIATE", deadline) as connection:
            yield connection

    def close(self) -> None:
        """Close idle connections now, and those still lent when they come back; twice is once."""
        self._closed = True
        while self._idle:
            self._idle.pop().connection.close()

    @contextmanager
    def _transaction(self, begin: str, deadline: Deadline) -> Iterator[sqlite3.Connection]:
        with self._translated():
            link = self._borrow()
            connection = link.connection
            try:
                connection.execute(f"PRAGMA busy_timeout = {int(deadline.left * 1000)}")
                connection.execute(begin)
                yield connection
                connection.execute("COMMIT")
            finally:
                self._give_back(link)

    def _borrow(self) -> _Link:
        if self._closed:
            raise ChainUnavailable("this connection to the dev chain is closed")
        inode = self._inode()
        while self._idle:
            try:
                link = self._idle.pop()
            except IndexError:  # another thread was quicker
                break
            if link.inode == inode:
                return link
            link.connection.close()
        return _Link(open_connection(self.path), inode)

    def _give_back(self, link: _Link) -> None:
        if link.connection.in_transaction:
            link.connection.execute("ROLLBACK")
        self._idle.append(link)
        if self._closed:
            self.close()

    def _inode(self) -> int:
        try:
            return self.path.stat().st_ino
        except OSError:
            raise ChainUnavailable(
                f"there is no dev chain at {self.path}; "
                f"make one: engram chain create --chain dev:{self.path}"
            ) from None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
            if code in _BUSY:
                raise ChainUnavailable(
                    f"another process holds the dev chain's ledger {self.path}", retry_after=1
                ) from error
            raise ChainUnavailable(
                f"the dev chain's ledger {self.path} cannot be used: {error}"
            ) from error


def open_connection(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode to a ledger that exists. Raises ChainUnavailable."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=1,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")  # a block is never taken back
        _require_ours(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def new_file(path: Path) -> Iterator[sqlite3.Connection]:
    """A ledger with empty tables, which gets its name only when the block is left without error.

    Raises FileExistsError if the name is taken: a chain is never overwritten.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    connection = sqlite3.connect(draft, isolation_level=None)
    try:
        with connection:
            connection.execute("BEGIN")
            _migrate(connection)
            yield connection
        connection.execute("PRAGMA journal_mode = WAL")
        connection.close()
        os.link(draft, path)  # unlike a rename, it fails if the name is taken
    finally:
        connection.close()
        draft.unlink(missing_ok=True)


def _migrate(connection: sqlite3.Connection) -> None:
    for number, statements in enumerate(MIGRATIONS, 1):
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")


def _require_ours(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise ChainUnavailable(f"{path} is no ledger of a dev chain")
    if version != len(MIGRATIONS):
        raise ChainUnavailable(
            f"{path} has schema version {version}, this Engram works with {len(MIGRATIONS)}; "
            "make a new dev chain, or install the Engram that made this one"
        )

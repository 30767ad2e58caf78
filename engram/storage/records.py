"""The truth: every record and tombstone, in SQLite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from sqlite3 import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engram.storage.database import (
    ReaderPool,
    connect,
    database_id,
    open_writer,
    require_ours,
    transaction,
    translated,
)
from engram.storage.outbox import Outbox
from engram.storage.row import Row, cid_of
from engram.storage.select import change, pieces, select

FILE_NAME = "records.sqlite3"

_COLUMNS = "sequence, cid, embedding, metadata, text, model_version, stored_at"
_UNVERIFIED = "EXISTS (SELECT 1 FROM unverified_texts u WHERE u.sequence = records.sequence)"
_TOMBSTONED = "SELECT cid FROM tombstones WHERE cid IN ({})"
_HELD = "SELECT cid FROM records WHERE cid IN ({})"
_CONDEMN = "INSERT OR IGNORE INTO damaged SELECT sequence FROM records WHERE sequence IN ({})"
_ROWS_PER_INSERT = (64, 16, 4, 1)  # few sizes, so that each statement is prepared once
_PAGE = 512  # records read at once by a scan


class Records:
    """Reads from any thread; the methods that write belong to one thread."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.path = folder / FILE_NAME
        self._writer = None if read_only else open_writer(self.path)
        self._readers = ReaderPool(self.path)
        try:
            with self._readers.reader() as reader:
                version = require_ours(reader, self.path)
                self.database_id = database_id(reader)
            self._select_all = (
                f"SELECT {_COLUMNS}, {_UNVERIFIED if version > 1 else 0} FROM records"
            )
            if self._writer is not None:
                self.outbox = Outbox(self._readers, self._writer)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Release the file; the last one to close folds the log into it."""
        self._readers.close()
        if self._writer is not None:
            self._writer.close()

    def find(self, digest: bytes) -> Row | None:
        """The record with this CID, unchecked."""
        with self._readers.reader() as reader:
            found = reader.execute(f"{self._select_all} WHERE cid = ?", (digest,)).fetchone()
        return Row(*found) if found else None

    def rows(self, sequences: Sequence[int]) -> dict[int, Row]:
        """Those of the given sequence numbers that are there, unchecked."""
        query = f"{self._select_all} WHERE sequence IN ({{}})"
        return {found[0]: Row(*found) for found in self._select(query, sequences)}

    def rows_by_digest(self, digests: Sequence[bytes]) -> dict[bytes, Row]:
        """Those of the given CIDs that are there, unchecked."""
        query = f"{self._select_all} WHERE cid IN ({{}})"
        return {found[1]: Row(*found) for found in self._select(query, digests)}

    def metadata(self, sequences: Sequence[int]) -> dict[int, bytes]:
        """The JSON text of each record's metadata."""
        query = "SELECT sequence, metadata FROM records WHERE sequence IN ({})"
        return dict(self._select(query, sequences))

    def held(self, digests: Sequence[bytes]) -> dict[bytes, float]:
        """``stored_at`` of those that are there."""
        return dict(self._select("SELECT cid, stored_at FROM records WHERE cid IN ({})", digests))

    def tombstoned(self, digests: Sequence[bytes]) -> set[bytes]:
        """Those that carry a tombstone."""
        return {digest for (digest,) in self._select(_TOMBSTONED, digests)}

    def refused_and_held(self, digests: Sequence[bytes]) -> tuple[set[bytes], set[bytes]]:
        """Those that carry a tombstone, and those that are there, for the thread that writes.

        Asked on the writing connection: it then has the pages of the CID index at hand that an
        insert is about to change.
        """
        with translated():
            refused = select(self._writing, _TOMBSTONED, digests)
            held = select(self._writing, _HELD, digests)
        return {digest for (digest,) in refused}, {digest for (digest,) in held}

    def count(self) -> int:
        """Live records."""
        return int(self._value("SELECT count(*) FROM records"))

    def count_tombstones(self) -> int:
        """Deleted CIDs."""
        return int(self._value("SELECT count(*) FROM tombstones"))

    def last_sequence(self) -> int:
        """The highest number ever given."""
        query = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'records'"
        return int(self._value(query))

    def sequences(self) -> NDArray[np.int64]:
        """Every live sequence number, ascending. Reads the small CID index, not the records."""
        with self._readers.reader() as reader:
            found = reader.execute(
                "SELECT sequence FROM records INDEXED BY sqlite_autoindex_records_1"
            )
            numbers = np.fromiter((number for (number,) in found), np.int64)
        return np.sort(numbers)

    def scan(self, after: int = 0) -> Iterator[Row]:
        """Every record past a sequence number, in order, from one consistent view, unchecked."""
        with translated(), closing(connect(self.path, writable=False)) as own:
            own.execute("BEGIN")
            cursor = own.execute(
                f"{self._select_all} WHERE sequence > ? ORDER BY sequence", (after,)
            )
            while page := cursor.fetchmany(_PAGE):
                yield from map(Row._make, page)

    def condemned(self) -> dict[bytes, int]:
        """Digest and sequence of records whose bytes were seen to be damaged."""
        query = "SELECT cid, sequence FROM records JOIN damaged USING (sequence)"
        with self._readers.reader() as reader:
            return dict(reader.execute(query).fetchall())

    def refused(self) -> NDArray[np.uint8]:
        """The digests of all tombstones, uint8 (n, 32), ascending."""
        with self._readers.reader() as reader:
            found = reader.execute("SELECT cid FROM tombstones ORDER BY cid").fetchall()
        return np.frombuffer(b"".join(digest for (digest,) in found), np.uint8).reshape(-1, 32)

    def tombstones(self) -> Iterator[tuple[str, float]]:
        """Every deleted CID and the unix second of its deletion."""
        with translated(), closing(connect(self.path, writable=False)) as own:
            for digest, deleted_at in own.execute("SELECT cid, deleted_at FROM tombstones"):
                yield cid_of(digest), deleted_at

    def check_integrity(self) -> list[str]:
        """What SQLite finds wrong with its own file; empty if nothing."""
        with self._readers.reader() as reader:
            found = [line for (line,) in reader.execute("PRAGMA integrity_check")]
        return [] if found == ["ok"] else found

    @contextmanager
    def committing(self) -> Iterator[None]:
        """What the methods below and the outbox write inside is on disk when it returns, or not."""
        self.outbox.begin()
        with transaction(self._writing):
            yield
        self.outbox.publish()

    def insert(self, rows: Sequence[Row]) -> None:
        """Add rows."""
        for piece in pieces(rows, _ROWS_PER_INSERT):
            places = ",".join(["(?,?,?,?,?,?,?)"] * len(piece))
            self._writing.execute(
                f"INSERT INTO records ({_COLUMNS}) VALUES {places}",
                [value for row in piece for value in row[:-1]],
            )

    def add_texts(self, texts: Iterable[tuple[str, bytes]]) -> None:
        """Side texts (text, digest) to be served, for records that have none to be served."""
        for text, digest in texts:
            changed = self._writing.execute(
                "UPDATE records SET text = ? WHERE cid = ? AND text IS NULL RETURNING sequence",
                (text, digest),
            ).fetchall()
            self._writing.executemany("DELETE FROM unverified_texts WHERE sequence = ?", changed)

    def add_unverified_texts(self, texts: Iterable[tuple[str, bytes]]) -> None:
        """Side texts (text, digest) to be kept, for records that have none of either kind."""
        self._writing.executemany(
            "INSERT OR IGNORE INTO unverified_texts"
            " SELECT sequence, ? FROM records WHERE cid = ? AND text IS NULL",
            texts,
        )

    def remove(self, digests: Sequence[bytes]) -> list[tuple[bytes, int]]:
        """Remove records with all that hangs on them; (digest, sequence) of those there were."""
        gone = self.remove_bytes(digests)
        if gone:
            self.outbox.take_off_all([digest for digest, _ in gone])
        return gone

    def remove_bytes(self, digests: Sequence[bytes]) -> list[tuple[bytes, int]]:
        """As ``remove``, but who waits for the records goes on waiting."""
        query = "DELETE FROM records WHERE cid IN ({}) RETURNING cid, sequence"
        gone: list[tuple[bytes, int]] = select(self._writing, query, digests)
        sequences = [(sequence,) for _, sequence in gone]
        for table in ("unverified_texts", "damaged"):
            self._writing.executemany(f"DELETE FROM {table} WHERE sequence = ?", sequences)
        return gone

    def bury(self, digest: bytes, now: float) -> None:
        """Leave a tombstone."""
        self._writing.execute("INSERT OR IGNORE INTO tombstones VALUES (?, ?)", (digest, now))

    def undelete(self, digest: bytes) -> bool:
        """Lift a tombstone; False if there was none."""
        return change(self._writing, "DELETE FROM tombstones WHERE cid IN ({})", [digest]) > 0

    def condemn(self, sequence: int) -> bool:
        """Remember that a record's bytes are damaged; False if it is not there any more."""
        statement = (
            "INSERT OR IGNORE INTO damaged SELECT sequence FROM records WHERE sequence IN ({})"
        )
        return change(self._writing, statement, [sequence]) > 0

    def acquit(self, sequences: Sequence[int]) -> int:
        """Undo ``condemn``; how many it had been done to."""
        return change(self._writing, "DELETE FROM damaged WHERE sequence IN ({})", sequences)

    @property
    def _writing(self) -> Connection:
        assert self._writer is not None, "opened read-only"
        return self._writer

    def _select(self, query: str, keys: Sequence[Any]) -> list[Any]:
        with self._readers.reader() as reader:
            return select(reader, query, keys)

    def _value(self, query: str) -> Any:
        with self._readers.reader() as reader:
            return reader.execute(query).fetchone()[0]

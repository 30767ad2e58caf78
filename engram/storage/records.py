"""The truth: every record and tombstone, in SQLite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from engram.core import parse_cid, verify_cid
from engram.core.limits import EMBEDDING_BYTES
from engram.errors import EngramError, StoreCorrupt
from engram.storage.database import (
    ReaderPool,
    connect,
    database_id,
    open_writer,
    require_ours,
    transaction,
    translated,
)
from engram.storage.interface import Record

FILE_NAME = "records.sqlite3"

_COLUMNS = "sequence, cid, embedding, metadata, text, model_version, stored_at"
_TOMBSTONED = "SELECT cid FROM tombstones WHERE cid IN ({})"
_HELD = "SELECT cid FROM records WHERE cid IN ({})"
_ROWS_PER_INSERT = (64, 16, 4, 1)  # few sizes, so that each statement is prepared once
_KEYS_PER_QUERY = (1, 4, 16, 64, 256)
_PAGE = 512  # records read at once by a scan


class Row(NamedTuple):
    """A record as the table has it."""

    sequence: int
    digest: bytes
    embedding: bytes
    metadata: bytes
    text: str | None
    model_version: str
    stored_at: float

    @property
    def cid(self) -> str:
        return cid_of(self.digest)

    def decode(self) -> Record:
        """The record, once its bytes have been seen to hash to its CID. Raises StoreCorrupt."""
        metadata = decode_metadata(self.metadata)
        if metadata is None or not self._is_intact(metadata):
            raise StoreCorrupt(f"{self.cid} is damaged on disk: its bytes do not hash to its CID")
        own = metadata.get("text")
        return Record(
            self.sequence,
            self.cid,
            np.frombuffer(self.embedding, "<f4"),
            metadata,
            own if isinstance(own, str) else self.text,
            self.model_version,
            self.stored_at,
        )

    def _is_intact(self, metadata: dict[str, Any]) -> bool:
        if len(self.embedding) != EMBEDDING_BYTES:
            return False
        try:
            return verify_cid(self.cid, self.embedding, metadata, self.model_version)
        except EngramError:  # a damaged version
            return False


class Records:
    """Reads from any thread; the methods that write belong to one thread."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.path = folder / FILE_NAME
        self._writer = None if read_only else open_writer(self.path)
        self._readers = ReaderPool(self.path)
        try:
            with self._readers.reader() as reader:
                require_ours(reader, self.path)
                self.database_id = database_id(reader)
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
            found = reader.execute(
                f"SELECT {_COLUMNS} FROM records WHERE cid = ?", (digest,)
            ).fetchone()
        return Row(*found) if found else None

    def rows(self, sequences: Sequence[int]) -> dict[int, Row]:
        """Those of the given sequence numbers that are there, unchecked."""
        query = f"SELECT {_COLUMNS} FROM records WHERE sequence IN ({{}})"
        return {found[0]: Row(*found) for found in self._select(query, sequences)}

    def rows_by_digest(self, digests: Sequence[bytes]) -> dict[bytes, Row]:
        """Those of the given CIDs that are there, unchecked."""
        query = f"SELECT {_COLUMNS} FROM records WHERE cid IN ({{}})"
        return {found[1]: Row(*found) for found in self._select(query, digests)}

    def metadata(self, sequences: Sequence[int]) -> dict[int, bytes]:
        """The JSON text of each record's metadata."""
        query = "SELECT sequence, metadata FROM records WHERE sequence IN ({})"
        return dict(self._select(query, sequences))

    def held(self, digests: Sequence[bytes]) -> dict[bytes, float]:
        """``stored_at`` of those that are there."""
        return dict(self._select("SELECT cid, stored_at FROM records WHERE cid IN ({})", digests))

    def without_text(self, digests: Sequence[bytes]) -> set[bytes]:
        """Those that are there and have no side text."""
        query = "SELECT cid FROM records WHERE text IS NULL AND cid IN ({})"
        return {digest for (digest,) in self._select(query, digests)}

    def tombstoned(self, digests: Sequence[bytes]) -> set[bytes]:
        """Those that carry a tombstone."""
        return {digest for (digest,) in self._select(_TOMBSTONED, digests)}

    def refused_and_held(self, digests: Sequence[bytes]) -> tuple[set[bytes], set[bytes]]:
        """Those that carry a tombstone, and those that are there, for the thread that writes.

        Asked on the writing connection: it then has the pages of the CID index at hand that an
        insert is about to change.
        """
        with translated():
            refused = _select_from(self._writing, _TOMBSTONED, digests)
            held = _select_from(self._writing, _HELD, digests)
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
                f"SELECT {_COLUMNS} FROM records WHERE sequence > ? ORDER BY sequence", (after,)
            )
            while page := cursor.fetchmany(_PAGE):
                yield from map(Row._make, page)

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

    def insert(self, rows: Sequence[Row], texts: Iterable[tuple[str, bytes]]) -> None:
        """Commit rows, and side texts (text, digest) of records that have none."""
        with transaction(self._writing) as writer:
            for piece in _pieces(rows, _ROWS_PER_INSERT):
                places = ",".join(["(?,?,?,?,?,?,?)"] * len(piece))
                writer.execute(
                    f"INSERT INTO records ({_COLUMNS}) VALUES {places}",
                    [value for row in piece for value in row],
                )
            writer.executemany("UPDATE records SET text = ? WHERE cid = ? AND text IS NULL", texts)

    def delete(self, digest: bytes, now: float) -> int | None:
        """Remove a record and leave a tombstone; its sequence number if it was there."""
        with transaction(self._writing) as writer:
            found = writer.execute(
                "DELETE FROM records WHERE cid = ? RETURNING sequence", (digest,)
            ).fetchall()
            writer.execute("INSERT OR IGNORE INTO tombstones VALUES (?, ?)", (digest, now))
        return int(found[0][0]) if found else None

    def undelete(self, digest: bytes) -> bool:
        """Lift a tombstone; False if there was none."""
        with transaction(self._writing) as writer:
            return writer.execute("DELETE FROM tombstones WHERE cid = ?", (digest,)).rowcount > 0

    @property
    def _writing(self) -> Connection:
        assert self._writer is not None, "opened read-only"
        return self._writer

    def _select(self, query: str, keys: Sequence[Any]) -> list[Any]:
        with self._readers.reader() as reader:
            return _select_from(reader, query, keys)

    def _value(self, query: str) -> Any:
        with self._readers.reader() as reader:
            return reader.execute(query).fetchone()[0]


def cid_of(digest: bytes) -> str:
    """The CID with these digest bytes."""
    return f"v1::{digest.hex()}"


def digest_of(cid: str) -> bytes:
    """The digest bytes in a CID. Raises InvalidCid."""
    return parse_cid(cid)


def decode_metadata(text: bytes) -> dict[str, Any] | None:
    """Metadata as it was stored; None if the text is damaged."""
    try:
        metadata = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return metadata if isinstance(metadata, dict) else None


def _select_from(connection: Connection, query: str, keys: Sequence[Any]) -> list[Any]:
    """All rows for these keys, in a few queries whose sizes repeat, so that each is prepared once.

    The last key stands in for the missing ones: IN does not mind.
    """
    found: list[Any] = []
    for start in range(0, len(keys), _KEYS_PER_QUERY[-1]):
        piece = keys[start : start + _KEYS_PER_QUERY[-1]]
        size = next(size for size in _KEYS_PER_QUERY if size >= len(piece))
        padded = [*piece, *[piece[-1]] * (size - len(piece))]
        found += connection.execute(query.format(",".join("?" * size)), padded).fetchall()
    return found


def _pieces(items: Sequence[Any], sizes: Sequence[int]) -> Iterator[Sequence[Any]]:
    """Consecutive pieces of the given sizes only, largest first; the last size is 1."""
    start = 0
    for size in sizes:
        while len(items) - start >= size:
            yield items[start : start + size]
            start += size

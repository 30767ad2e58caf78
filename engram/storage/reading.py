"""Reads that need the records alone, for the store and for a read-only look at it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from engram.core.where import Where, matches
from engram.errors import InvalidInput, NotFound, RefusedHere, StoreCorrupt
from engram.storage.interface import Page, Record
from engram.storage.records import FILE_NAME, Records
from engram.storage.row import Row, digest_of

log = logging.getLogger(__name__)


class Reading:
    """Point reads and scans; every record's CID is recomputed before it leaves."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def get(self, cid: str) -> Record | None:
        """One record, or None. Raises RefusedHere for a tombstone, StoreCorrupt for bad bytes."""
        digest = digest_of(cid)
        row = self._records.find(digest)
        if row is not None:
            return self._decoded(row)
        if self._records.tombstoned([digest]):
            raise RefusedHere(f"{cid} was deleted by the operator of this node")
        return None

    def embeddings(self, cids: Sequence[str]) -> list[bytes | None]:
        """The little-endian float32 bytes of each record; None where unknown or damaged."""
        digests = [digest_of(cid) for cid in cids]
        rows = self._records.rows_by_digest(list(dict.fromkeys(digests)))
        intact = {d: row.embedding for d, row in rows.items() if self._intact(row)}
        return [intact.get(digest) for digest in digests]

    def has(self, cids: Sequence[str]) -> dict[str, float]:
        """``stored_at`` (unix seconds) of those that are held."""
        digests = {digest_of(cid): cid for cid in cids}
        return {digests[d]: at for d, at in self._records.held(list(digests)).items()}

    def list(self, limit: int, cursor: str | None = None, where: Where | None = None) -> Page:
        """A page of records in order of arrival. Raises InvalidInput for a foreign cursor."""
        records: list[Record] = []
        for record in self._after(self._sequence_of(cursor), where):
            if len(records) == limit:
                return Page(records, self._cursor_of(records[-1]))
            records.append(record)
        return Page(records, None)

    def scan(self) -> Iterator[Record]:
        """Every record in order of arrival, from one consistent view. Raises StoreCorrupt."""
        return (self._decoded(row) for row in self._records.scan())

    def scan_intact(self, on_damage: Callable[[str], None]) -> Iterator[Record]:
        """As ``scan``, but a damaged record is reported by its CID and left out."""
        for row in self._records.scan():
            record = self._intact(row)
            if record is None:
                on_damage(row.cid)
            else:
                yield record

    def tombstones(self) -> Iterator[tuple[str, float]]:
        """Every deleted CID and the unix second of its deletion."""
        return self._records.tombstones()

    def close(self) -> None:
        """Release the database."""
        self._records.close()

    def _after(self, sequence: int, where: Where | None) -> Iterator[Record]:
        """Intact records past a sequence number that match."""
        for row in self._records.scan(sequence):
            record = self._intact(row)
            if record is not None and (where is None or matches(where, record.metadata)):
                yield record

    def _decoded(self, row: Row) -> Record:
        try:
            return row.decode()
        except StoreCorrupt:
            self._met_damage(row)
            raise

    def _intact(self, row: Row) -> Record | None:
        try:
            return self._decoded(row)
        except StoreCorrupt:
            return None

    def _met_damage(self, row: Row) -> None:
        """A record's bytes do not hash to its CID."""
        log.error("%s is damaged on disk and is not served", row.cid)

    def _cursor_of(self, record: Record) -> str:
        return f"{self._records.database_id.hex()[:8]}-{record.sequence}"

    def _sequence_of(self, cursor: str | None) -> int:
        if cursor is None:
            return 0
        owner, _, number = cursor.partition("-")
        if owner != self._records.database_id.hex()[:8] or not _is_sequence(number):
            raise InvalidInput("the cursor is not one that this node gave")
        return int(number)


class ReadOnlyStore(Reading):
    """A look at a data directory that another process may have open. No search."""

    def __init__(self, folder: Path) -> None:
        """Raises NotFound if there is no store."""
        if not (folder / FILE_NAME).is_file():
            raise NotFound(f"{folder} holds no records")
        super().__init__(Records(folder, read_only=True))

    def count(self) -> int:
        """Live records."""
        return self._records.count()


def _is_sequence(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19

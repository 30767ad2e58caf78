"""Is everything that was promised still true? Every CID, the index, the file itself."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from engram.errors import StoreCorrupt
from engram.storage.catalogue import Catalogue, units_of
from engram.storage.records import Records
from engram.storage.row import Row, cid_of, digest_of

OnProgress = Callable[[int, int], None]
"""Called with (records checked, records in all)."""

_CHECKED_AT_ONCE = 512
_TOLERANCE = 1e-6  # another processor may round the last bit of a unit vector differently


@dataclass
class FsckReport:
    """What was looked at and what is wrong."""

    records: int = 0
    """Records whose CID was recomputed."""
    tombstones: int = 0
    damaged: list[str] = field(default_factory=list)
    """CIDs of records whose bytes do not hash to them: kept, reported, never served."""
    database: list[str] = field(default_factory=list)
    """What SQLite finds wrong with its file."""
    index: list[str] = field(default_factory=list)
    """Where the index differs from the records."""
    outbox: list[str] = field(default_factory=list)
    """Deliveries of records that are not there."""
    repaired: bool = False
    """True if the index was built anew, or the outbox cleared of such deliveries."""

    @property
    def ok(self) -> bool:
        return not (self.damaged or self.database or self.index or self.outbox)

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {"ok": self.ok, **asdict(self)}


def check(records: Records, catalogue: Catalogue, on_progress: OnProgress | None) -> FsckReport:
    """Compare everything with everything. Others may write meanwhile."""
    report = FsckReport(tombstones=records.count_tombstones(), database=records.check_integrity())
    total = records.count()
    scan = records.scan()
    while rows := list(itertools.islice(scan, _CHECKED_AT_ONCE)):
        intact = [row for row in rows if is_intact(row)]
        report.damaged += [row.cid for row in rows if row not in intact]
        report.index += _not_findable(intact, catalogue, records)
        report.records += len(rows)
        if on_progress is not None:
            on_progress(report.records, max(total, report.records))
    report.database += _both_held_and_deleted(records)
    report.index += _ghosts(records, catalogue)
    report.outbox += [
        f"{cid_of(digest)} waits for seat {seat} and is not held"
        for seat, digest in records.outbox.pointless()
    ]
    return report


def is_intact(row: Row) -> bool:
    """Whether a record's bytes hash to its CID."""
    try:
        row.decode()
    except StoreCorrupt:
        return False
    return True


def _not_findable(rows: Sequence[Row], catalogue: Catalogue, records: Records) -> list[str]:
    """Records that a search could not return, though nobody deleted them meanwhile."""
    units, _ = units_of([row.embedding for row in rows])
    numbers = [catalogue.rows.row_of(row.sequence) for row in rows]
    placed = [n for n in numbers if n is not None and catalogue.rows.alive.view()[n]]
    slots = catalogue.rows.slot.view()[placed].astype(np.int64)
    vectors = dict(zip(placed, catalogue.vectors(slots), strict=True))
    wrong = [
        row
        for row, number, unit in zip(rows, numbers, units, strict=True)
        if number not in vectors or not np.allclose(vectors[number], unit, atol=_TOLERANCE)
    ]
    still = records.held([row.digest for row in wrong])
    return [f"{row.cid} is not findable" for row in wrong if row.digest in still]


def _both_held_and_deleted(records: Records) -> list[str]:
    deleted = [digest_of(cid) for cid, _ in records.tombstones()]
    return [f"{cid_of(d)} is held and carries a tombstone" for d in records.held(deleted)]


def _ghosts(records: Records, catalogue: Catalogue) -> list[str]:
    """Rows that are searched but have no record."""
    rows = catalogue.rows
    count = rows.count
    living = rows.sequence.view(count)[rows.alive.view(count).copy()]  # deletes go on
    ghosts = np.setdiff1d(living, records.sequences())
    still = [s for s in ghosts.tolist() if rows.alive.view()[rows.row_of(s) or 0]]
    return [f"sequence {sequence} is searched but not stored" for sequence in still]

"""From the files to a catalogue: the snapshot if it can be trusted, then what it lacks."""

from __future__ import annotations

import itertools
import logging
from typing import NamedTuple

import numpy as np

from engram.config import StoreSettings
from engram.storage.catalogue import Catalogue, fresh_rows
from engram.storage.records import Records
from engram.storage.snapshot import Snapshots, Untrusted, Written

log = logging.getLogger(__name__)

_REPLAYED_AT_ONCE = 512  # records

Damaged = dict[bytes, int]
"""Digest and sequence of records that are known not to hash to their CID, and are not searched."""


class Loaded(NamedTuple):
    """A catalogue that knows every intact record."""

    catalogue: Catalogue
    snapshot: Written
    problem: str | None
    """Why a snapshot is there and not used."""
    damaged: Damaged


def load(records: Records, snapshots: Snapshots, settings: StoreSettings) -> Loaded:
    """Everything that is stored, searchable: exactly where the index does not reach."""
    problem = None
    damaged = records.condemned()
    catalogue, snapshot = Catalogue(records, settings), Written(0, 0)
    try:
        found = snapshots.read()
        if found is not None:
            _reconcile(found[0], found[1], records, damaged)
            catalogue, snapshot = found
    except Untrusted as error:
        problem = str(error)
        log.warning("index snapshot not used, the index is rebuilt: %s", problem)
    _replay(catalogue, records, snapshot.sequence, damaged)
    if damaged:
        log.error("%d damaged records are left out of search; run engram fsck", len(damaged))
    return Loaded(catalogue, snapshot, problem, damaged)


def relearn(
    records: Records, settings: StoreSettings, so_far: Catalogue | None, damaged: Damaged
) -> Catalogue:
    """A catalogue made from the truth alone, or one that catches up with it.

    Called without ``so_far`` while others write, and then with the result while nobody does.
    Damaged records that it meets are added to ``damaged``.
    """
    catalogue = so_far or Catalogue(records, settings)
    sequences = catalogue.rows.sequence.view()
    last = int(sequences[-1]) if len(sequences) else 0
    _reconcile(catalogue, Written(last, len(sequences)), records, damaged)
    _replay(catalogue, records, last, damaged)
    return catalogue


def _reconcile(catalogue: Catalogue, snapshot: Written, records: Records, damaged: Damaged) -> None:
    """Forget what has gone or gone bad since.

    Raises Untrusted if the truth has what the snapshot lacks.
    """
    rows = catalogue.rows
    truth = np.setdiff1d(records.sequences(), [*damaged.values()], assume_unique=True)
    covered = truth[: np.searchsorted(truth, snapshot.sequence, side="right")]
    gone = ~np.isin(rows.sequence.view(), covered, assume_unique=True)
    if rows.count - np.count_nonzero(gone) != len(covered):
        raise Untrusted("it lacks records that the database has")
    for row in np.flatnonzero(~rows.alive.view(rows.count) & ~gone).tolist():
        damaged[rows.cid.view()[row].tobytes()] = int(rows.sequence.view()[row])
    rows.forget(gone)


def _replay(catalogue: Catalogue, records: Records, after: int, damaged: Damaged) -> None:
    scan = (row for row in records.scan(after) if damaged.get(row.digest) != row.sequence)
    while page := list(itertools.islice(scan, _REPLAYED_AT_ONCE)):
        fresh, broken = fresh_rows(page)
        catalogue.append(fresh)
        damaged.update((row.digest, row.sequence) for row in broken)

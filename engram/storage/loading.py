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


class Loaded(NamedTuple):
    """A catalogue that knows every intact record."""

    catalogue: Catalogue
    snapshot: Written
    problem: str | None
    """Why a snapshot is there and not used."""
    damaged: list[str]
    """CIDs of records too damaged to be searched."""


def load(records: Records, snapshots: Snapshots, settings: StoreSettings) -> Loaded:
    """Everything that is stored, searchable: exactly where the index does not reach."""
    problem = None
    catalogue, snapshot = Catalogue(records, settings), Written(0, 0)
    try:
        found = snapshots.read()
        if found is not None:
            _reconcile(found[0], found[1], records)
            catalogue, snapshot = found
    except Untrusted as error:
        problem = str(error)
        log.warning("index snapshot not used, the index is rebuilt: %s", problem)
    damaged = _replay(catalogue, records, snapshot.sequence)
    return Loaded(catalogue, snapshot, problem, damaged)


def relearn(records: Records, settings: StoreSettings, so_far: Catalogue | None) -> Catalogue:
    """A catalogue made from the truth alone, or one that catches up with it.

    Called without ``so_far`` while others write, and then with the result while nobody does.
    """
    catalogue = so_far or Catalogue(records, settings)
    sequences = catalogue.rows.sequence.view()
    last = int(sequences[-1]) if len(sequences) else 0
    _reconcile(catalogue, Written(last, len(sequences)), records)
    _replay(catalogue, records, last)
    return catalogue


def _reconcile(catalogue: Catalogue, snapshot: Written, records: Records) -> None:
    """Forget what was deleted since. Raises Untrusted if the truth has what the snapshot lacks."""
    truth = records.sequences()
    covered = truth[: np.searchsorted(truth, snapshot.sequence, side="right")]
    rows = catalogue.rows
    gone = ~np.isin(rows.sequence.view(), covered, assume_unique=True)
    if rows.count - np.count_nonzero(gone) != len(covered):
        raise Untrusted("it lacks records that the database has")
    rows.forget(gone)


def _replay(catalogue: Catalogue, records: Records, after: int) -> list[str]:
    damaged = []
    scan = records.scan(after)
    while page := list(itertools.islice(scan, _REPLAYED_AT_ONCE)):
        fresh, broken = fresh_rows(page)
        catalogue.append(fresh)
        damaged += [row.cid for row in broken]
    if damaged:
        log.error("%d damaged records are left out of search; run engram fsck", len(damaged))
    return damaged

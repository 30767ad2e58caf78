"""``engram fsck``: check a data directory that no process serves, and mend its index."""

from __future__ import annotations

from pathlib import Path

from engram.config import StoreSettings
from engram.errors import NotFound
from engram.storage.check import FsckReport, OnProgress, check
from engram.storage.loading import load
from engram.storage.lock import DirectoryLock
from engram.storage.records import FILE_NAME, Records
from engram.storage.snapshot import Snapshots
from engram.storage.store import EmbeddedStore


def fsck(
    path: Path,
    settings: StoreSettings | None = None,
    *,
    repair: bool = False,
    on_progress: OnProgress | None = None,
) -> FsckReport:
    """Check every CID, the tombstones, the file, and the index against the records.

    With ``repair`` an index that is wrong is built anew, and deliveries of records that are not
    there are dropped. Damaged records are reported and stay.
    Raises NotFound if the directory holds no store, StoreLocked while a process has it open.
    """
    settings = settings or StoreSettings()
    if not (path / FILE_NAME).is_file():
        raise NotFound(f"{path} holds no records")
    report = _inspect(path, settings, on_progress)
    if repair and (report.index or report.outbox):
        _mend(path, settings, report)
    return report


def _inspect(path: Path, settings: StoreSettings, on_progress: OnProgress | None) -> FsckReport:
    """Look without changing anything."""
    lock = DirectoryLock(path)
    try:
        records = Records(path)
        try:
            loaded = load(records, Snapshots(path, records, settings), settings)
            report = check(records, loaded.catalogue, on_progress)
        finally:
            records.close()
    finally:
        lock.release()
    if loaded.problem is not None:
        report.index.insert(0, f"the snapshot cannot be used: {loaded.problem}")
    return report


def _mend(path: Path, settings: StoreSettings, report: FsckReport) -> None:
    store = EmbeddedStore(path, settings)
    try:
        store.mend(report)
        store.drain()
        store.snapshot()
    finally:
        store.close()

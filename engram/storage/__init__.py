"""The vector store: durable records and a search over them.

``open_store`` opens a data directory. fsck, transfer and backup are the operator's tools on it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, overload

from engram.config import StoreSettings
from engram.storage.backup import backup, restore
from engram.storage.check import FsckReport
from engram.storage.fsck import fsck
from engram.storage.interface import (
    Hit,
    NewRecord,
    Page,
    Record,
    Stored,
    StoreStats,
    VectorStore,
)
from engram.storage.lock import Holder, describe_holder
from engram.storage.reading import ReadOnlyStore
from engram.storage.store import EmbeddedStore
from engram.storage.transfer import ExportReport, ImportReport, export_records, import_records

__all__ = [
    "EmbeddedStore",
    "ExportReport",
    "FsckReport",
    "Hit",
    "Holder",
    "ImportReport",
    "NewRecord",
    "Page",
    "ReadOnlyStore",
    "Record",
    "StoreStats",
    "Stored",
    "VectorStore",
    "backup",
    "describe_holder",
    "export_records",
    "fsck",
    "import_records",
    "open_store",
    "restore",
]


@overload
def open_store(
    path: Path,
    settings: StoreSettings | None = None,
    *,
    read_only: Literal[False] = False,
    clock: Callable[[], float] = time.time,
) -> EmbeddedStore: ...
@overload
def open_store(
    path: Path,
    settings: StoreSettings | None = None,
    *,
    read_only: Literal[True],
    clock: Callable[[], float] = time.time,
) -> ReadOnlyStore: ...
def open_store(
    path: Path,
    settings: StoreSettings | None = None,
    *,
    read_only: bool = False,
    clock: Callable[[], float] = time.time,
) -> EmbeddedStore | ReadOnlyStore:
    """Open the store in a directory, which is created if need be.

    Returns as soon as every record is searchable; a lost index is rebuilt in the background.
    With ``read_only`` another process may have it open: records can be read, not searched.
    Raises StoreLocked, StoreTooNew, StoreCorrupt, StorageFull; NotFound if read-only and absent.
    """
    if read_only:
        return ReadOnlyStore(path)
    return EmbeddedStore(path, settings or StoreSettings(), clock)

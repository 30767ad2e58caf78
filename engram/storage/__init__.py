"""The vector store: durable records and a search over them.

``open_store`` for the process that owns a data directory, ``open_read_only`` for a look beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from engram.config import StoreSettings
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

__all__ = [
    "EmbeddedStore",
    "Hit",
    "Holder",
    "NewRecord",
    "Page",
    "ReadOnlyStore",
    "Record",
    "StoreStats",
    "Stored",
    "VectorStore",
    "describe_holder",
    "open_read_only",
    "open_store",
]


def open_store(
    path: Path, settings: StoreSettings | None = None, *, clock: Callable[[], float] = time.time
) -> EmbeddedStore:
    """Open the store in a directory, which is created if need be.

    Returns as soon as every record is searchable; a lost index is rebuilt in the background.
    Raises StoreLocked, StoreTooNew, StoreCorrupt, StorageFull.
    """
    return EmbeddedStore(path, settings or StoreSettings(), clock)


def open_read_only(path: Path) -> ReadOnlyStore:
    """Read records and scan them while another process may serve them; no search.

    Raises NotFound if the directory holds no store.
    """
    return ReadOnlyStore(path)

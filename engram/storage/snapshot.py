"""The index on disk: a copy that saves a rebuild, never the truth.

    snapshots/<number>/manifest.json    what the files are, with their SHA-256
                         index.faiss      FAISS's own format
                         rows.npz         rows, slots and metadata columns

Written beside the old one and renamed into place, so it is there whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import faiss
import numpy as np
from numpy.typing import NDArray

from engram.config import StoreSettings
from engram.core.limits import DIMENSIONS
from engram.storage.catalogue import Catalogue
from engram.storage.columns import ColumnArrays, Columns
from engram.storage.files import sync
from engram.storage.index import Index
from engram.storage.records import Records
from engram.storage.rows import RowArrays, Rows

FORMAT = 1
FOLDER = "snapshots"
_MANIFEST = "manifest.json"
_INDEX = "index.faiss"
_ROWS = "rows.npz"
_PARTIAL = "partial-"


class Untrusted(Exception):
    """The snapshot cannot be used; the message says why."""


class Written(NamedTuple):
    """What a snapshot covers."""

    sequence: int
    rows: int


class Snapshots:
    """The folder of snapshots of one store."""

    def __init__(self, folder: Path, records: Records, settings: StoreSettings) -> None:
        self._folder = folder / FOLDER
        self._records = records
        self._settings = settings

    def write(self, catalogue: Catalogue, changing: Lock) -> Written:
        """Save what the index covers. Only the thread that adds to the index may call this."""
        self._folder.mkdir(exist_ok=True)
        arrays, written = _copy(catalogue, changing)
        partial = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=self._folder))
        try:
            catalogue.index.write(partial / _INDEX)
            with (partial / _ROWS).open("wb") as file:
                np.savez(file, allow_pickle=False, **arrays)
            manifest = self._expected() | {
                "sequence": written.sequence,
                "rows": written.rows,
                "sha256": {name: _sha256(partial / name) for name in (_INDEX, _ROWS)},
            }
            (partial / _MANIFEST).write_text(json.dumps(manifest, indent=2))
            self._publish(partial)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return written

    def read(self) -> tuple[Catalogue, Written] | None:
        """The newest snapshot, verified; None if there is none. Raises Untrusted."""
        folders = self._complete()
        if not folders:
            return None
        folder = folders[-1]
        manifest = self._verified_manifest(folder)
        index = Index.read(folder / _INDEX)
        with np.load(folder / _ROWS) as arrays:
            rows, columns = _restore(arrays, self._records.database_id)
        if index.count != rows.slots or rows.count != manifest["rows"]:
            raise Untrusted("index and rows do not belong together")
        catalogue = Catalogue(
            self._records, self._settings, index=index, rows=rows, columns=columns
        )
        return catalogue, Written(manifest["sequence"], manifest["rows"])

    def discard_partial(self) -> None:
        """Remove what an interrupted write left behind."""
        for folder in self._folder.glob(f"{_PARTIAL}*"):
            shutil.rmtree(folder, ignore_errors=True)

    def remove_all(self) -> None:
        """Forget every snapshot, so that the next start rebuilds the index."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _publish(self, partial: Path) -> None:
        for file in partial.iterdir():
            sync(file)
        sync(partial)
        older = self._complete()
        generation = int(older[-1].name) + 1 if older else 1
        partial.rename(self._folder / f"{generation:08d}")
        sync(self._folder)
        for folder in older:
            shutil.rmtree(folder)

    def _complete(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return sorted(f for f in self._folder.iterdir() if f.name.isdecimal())

    def _expected(self) -> dict[str, Any]:
        """What must be equal for a snapshot to be used."""
        return {
            "format": FORMAT,
            "database_id": self._records.database_id.hex(),
            "dimensions": DIMENSIONS,
            "hnsw_m": self._settings.hnsw_m,
            "ef_construction": self._settings.ef_construction,
            "faiss": faiss.__version__,
        }

    def _verified_manifest(self, folder: Path) -> dict[str, Any]:
        try:
            manifest = json.loads((folder / _MANIFEST).read_text())
            for name, value in self._expected().items():
                if manifest[name] != value:
                    raise Untrusted(f"{name} is {manifest[name]!r}, not {value!r}")
            for name in (_INDEX, _ROWS):
                if _sha256(folder / name) != manifest["sha256"][name]:
                    raise Untrusted(f"{name} does not have its SHA-256")
            return {"sequence": int(manifest["sequence"]), "rows": int(manifest["rows"])}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Untrusted(f"{type(error).__name__}: {error}") from error


def _copy(catalogue: Catalogue, changing: Lock) -> tuple[dict[str, NDArray[Any]], Written]:
    """The rows before the first one whose vector the index lacks, and their columns."""
    with changing:
        rows, slots = catalogue.rows, catalogue.index.count
        beyond = rows.slot.view(rows.count) >= slots
        count = int(np.argmax(beyond)) if beyond.any() else rows.count
        arrays = {f"rows.{k}": v.copy() for k, v in rows.arrays(count, slots)._asdict().items()}
        columns, overflow = catalogue.columns.arrays(count)
        arrays["overflow"] = overflow.copy()
        arrays["keys"] = np.frombuffer(json.dumps(list(columns)).encode(), np.uint8)
        for number, column in enumerate(columns.values()):
            arrays |= {f"column.{number}.{k}": v.copy() for k, v in column._asdict().items()}
        sequence = int(rows.sequence.view()[count - 1]) if count else 0
    return arrays, Written(sequence, count)


def _restore(arrays: Any, key: bytes) -> tuple[Rows, Columns]:
    rows = Rows.of(RowArrays(*(arrays[f"rows.{k}"] for k in RowArrays._fields)), key)
    names = json.loads(arrays["keys"].tobytes())
    columns = {
        name: ColumnArrays(*(arrays[f"column.{number}.{k}"] for k in ColumnArrays._fields))
        for number, name in enumerate(names)
    }
    return rows, Columns.of(columns, arrays["overflow"], key)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

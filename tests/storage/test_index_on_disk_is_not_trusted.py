"""An index file that is missing, torn, changed or foreign: never used, never missed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import faiss
import pytest

from engram.config import StoreSettings
from engram.storage import EmbeddedStore, open_store
from tests.storage.conftest import Open
from tests.storage.records_for_tests import TINY, exact_search, put, records, vectors

HELD = records(50)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A closed store with a snapshot."""
    store = open_store(tmp_path / "store", TINY)
    put(store, *HELD)
    store.drain()
    store.snapshot()
    store.close()
    return tmp_path / "store"


def newest(folder: Path) -> Path:
    (snapshot,) = (folder / "snapshots").iterdir()
    return snapshot


def assert_serves_everything(store: EmbeddedStore) -> None:
    for query in vectors(3, seed=8):
        hits = store.search(query, 10)
        assert [hit.cid for hit in hits] == [cid for cid, _ in exact_search(HELD, query, 10)]


def edit_manifest(name: str, value: object) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        manifest = newest(folder) / "manifest.json"
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {name: value}))

    return edit


def truncate(name: str) -> Callable[[Path], None]:
    def cut(folder: Path) -> None:
        file = newest(folder) / name
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])

    return cut


def flip_a_bit(name: str) -> Callable[[Path], None]:
    def flip(folder: Path) -> None:
        file = newest(folder) / name
        content = bytearray(file.read_bytes())
        content[len(content) * 2 // 3] ^= 1
        file.write_bytes(content)

    return flip


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (newest(folder) / name).unlink()


FAULTS = {
    "index file missing": remove("index.faiss"),
    "rows file missing": remove("rows.npz"),
    "manifest missing": remove("manifest.json"),
    "index truncated": truncate("index.faiss"),
    "rows truncated": truncate("rows.npz"),
    "manifest truncated": truncate("manifest.json"),
    "bit flipped in index": flip_a_bit("index.faiss"),
    "bit flipped in rows": flip_a_bit("rows.npz"),
    "newer format": edit_manifest("format", 99),
    "another library version": edit_manifest("faiss", "0.0.1"),
    "another database": edit_manifest("database_id", "00" * 16),
    "no hashes": edit_manifest("sha256", {}),
    "not numbers": edit_manifest("sequence", "x"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_it_is_rebuilt_while_everything_is_served(
    folder: Path, opened: Open, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    FAULTS[fault](folder)
    store = opened()
    # Not asked of stats(): 50 vectors may be indexed and in a snapshot again before it answers.
    assert "index snapshot not used" in caplog.text
    assert_serves_everything(store)
    assert store.drain(timeout=60)
    assert_serves_everything(store)
    stats = store.stats()
    assert (stats.indexed, stats.tail, stats.rebuilding) == (50, 0, False)
    store.snapshot()
    assert store.stats().detail["snapshot_problem"] is None
    store.close()
    assert opened().stats().detail["snapshot_problem"] is None


def test_a_good_snapshot_is_used(folder: Path, opened: Open) -> None:
    store = opened()
    assert store.stats().indexed == 50
    assert store.stats().detail["snapshot_problem"] is None
    assert_serves_everything(store)


def test_all_snapshots_deleted(folder: Path, opened: Open) -> None:
    shutil.rmtree(folder / "snapshots")
    assert_serves_everything(opened())


def test_other_parameters_mean_another_index(folder: Path, opened: Open) -> None:
    settings = TINY.model_copy(update={"hnsw_m": 8})
    store = opened(settings)
    assert "hnsw_m" in store.stats().detail["snapshot_problem"]
    assert_serves_everything(store)


def test_the_snapshot_of_another_store_is_refused(
    folder: Path, opened: Open, tmp_path: Path
) -> None:
    other = opened(TINY, tmp_path / "other")
    put(other, *records(50, seed=77))
    other.close()
    shutil.rmtree(tmp_path / "other" / "snapshots", ignore_errors=True)
    shutil.copytree(folder / "snapshots", tmp_path / "other" / "snapshots")
    other = opened(TINY, tmp_path / "other")
    assert "database_id" in other.stats().detail["snapshot_problem"]
    query = vectors(1, seed=8)[0]
    expected = exact_search(records(50, seed=77), query, 5)
    assert [hit.cid for hit in other.search(query, 5)] == [cid for cid, _ in expected]


def test_a_rebuild_shows_its_progress_and_lets_ingest_go_on(
    folder: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engram.storage.drainer.Drainer.start", lambda drainer: None)
    shutil.rmtree(folder / "snapshots")
    store = opened(StoreSettings(tail_limit=5))
    stats = store.stats()
    assert stats.rebuilding
    assert stats.detail["rebuild"] == {"done": 0, "total": 50}
    put(store, *records(3, seed=5))  # the limit counts what is fresh, not what is rebuilt
    assert store.stats().records == 53
    monkeypatch.undo()
    store._drainer._loop.start()
    assert store.drain(timeout=60)
    assert not store.stats().rebuilding


def test_the_version_in_the_manifest_is_that_of_the_library(folder: Path) -> None:
    assert json.loads((newest(folder) / "manifest.json").read_text())["faiss"] == faiss.__version__

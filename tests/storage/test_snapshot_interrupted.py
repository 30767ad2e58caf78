"""A snapshot that stops between any two of its steps leaves the last good one in place."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engram.errors import StorageFull
from engram.storage import EmbeddedStore, snapshot
from engram.storage.index import Index
from tests.storage.conftest import Open
from tests.storage.records_for_tests import exact_search, put, records, vectors

STEPS = ["the index", "the rows", "the hashes", "fsync", "the rename"]


class Interrupted(OSError):
    """As if the power had gone."""


def fail(*_: Any, **__: Any) -> None:
    raise Interrupted(28, "No space left on device")


def interrupt(step: str, patch: pytest.MonkeyPatch) -> None:
    if step == "the index":
        patch.setattr(Index, "write", fail)
    elif step == "the rows":
        patch.setattr(np, "savez", fail)
    elif step == "the hashes":
        patch.setattr(snapshot, "_sha256", fail)
    elif step == "fsync":
        patch.setattr(snapshot, "sync", fail)
    else:
        patch.setattr(Path, "rename", fail)


def filled(store: EmbeddedStore, count: int, seed: int) -> None:
    put(store, *records(count, seed))
    assert store.drain(timeout=60)


@pytest.mark.parametrize("step", STEPS)
def test_the_last_one_stays(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    store = opened()
    filled(store, 6, seed=1)
    store.snapshot()
    good = store.stats().snapshot_sequence
    filled(store, 6, seed=2)
    with monkeypatch.context() as patch:
        interrupt(step, patch)
        with pytest.raises(StorageFull):
            store.snapshot()
    assert store.stats().snapshot_sequence == good
    copy = tmp_path / "crashed"
    shutil.copytree(tmp_path / "store", copy)  # as the disk is now, without a clean close
    crashed = opened(folder=copy)
    assert crashed.stats().snapshot_sequence == good
    assert crashed.stats().detail["snapshot_problem"] is None
    held = records(6, 1) + records(6, 2)
    query = vectors(1, seed=5)[0]
    expected = exact_search(held, query, 12)
    assert [hit.cid for hit in crashed.search(query, 12)] == [cid for cid, _ in expected]


def test_what_a_crash_left_is_cleared_away(opened: Open, tmp_path: Path) -> None:
    store = opened()
    filled(store, 6, seed=1)
    store.close()
    partial = tmp_path / "store" / "snapshots" / "partial-abc"
    partial.mkdir(parents=True)
    (partial / "index.faiss").write_bytes(b"torn")
    opened()
    assert not partial.exists()


def test_only_the_newest_is_kept(opened: Open, tmp_path: Path) -> None:
    store = opened()
    for seed in range(4):
        filled(store, 4, seed)
        store.snapshot()
    assert len(list((tmp_path / "store" / "snapshots").iterdir())) == 1


def test_records_after_the_snapshot_are_replayed(opened: Open, tmp_path: Path) -> None:
    store = opened()
    filled(store, 6, seed=1)
    store.snapshot()
    put(store, *records(5, seed=2))
    store.delete(records(6, 1)[0].cid)
    shutil.copytree(tmp_path / "store", tmp_path / "crashed")
    crashed = opened(folder=tmp_path / "crashed")
    held = records(6, 1)[1:] + records(5, 2)
    query = vectors(1, seed=5)[0]
    expected = exact_search(held, query, 20)
    assert [hit.cid for hit in crashed.search(query, 20)] == [cid for cid, _ in expected]
    assert crashed.fsck().ok

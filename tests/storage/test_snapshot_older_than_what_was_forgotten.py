"""Records forgotten after the last snapshot of the index, and a crash: they stay forgotten."""

from __future__ import annotations

import shutil
from pathlib import Path

from engram.storage import Stored
from tests.storage.conftest import Open
from tests.storage.records_for_tests import TINY, put, records

HELD = records(40)


def test_they_stay_forgotten_and_may_come_again(opened: Open, tmp_path: Path) -> None:
    store = opened()
    put(store, *HELD)
    assert store.drain(60)
    store.snapshot()
    shutil.copytree(tmp_path / "store" / "snapshots", tmp_path / "snapshots")
    gone = HELD[::4]
    assert store.forget([one.cid for one in gone]) == len(gone)
    store.close()
    shutil.rmtree(tmp_path / "store" / "snapshots")
    (tmp_path / "snapshots").rename(tmp_path / "store" / "snapshots")
    store = opened(TINY)
    assert store.stats().detail["snapshot_problem"] is None
    assert len(store.digests()) == store.stats().records == 30
    assert {hit.cid for hit in store.search(gone[0].embedding, 100)}.isdisjoint(
        one.cid for one in gone
    )
    assert put(store, *HELD) == [Stored(one.cid, one not in gone) for one in HELD]
    assert store.search(gone[0].embedding, 1)[0].cid == gone[0].cid
    assert store.fsck().ok

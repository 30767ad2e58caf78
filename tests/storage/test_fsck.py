"""fsck sees every way in which index and truth can differ, and mends the index."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from engram.core import parse_cid
from engram.errors import NotFound, StoreLocked
from engram.storage import EmbeddedStore, fsck
from engram.storage.drainer import Drainer
from tests.storage.conftest import Open
from tests.storage.records_for_tests import TINY, exact_search, put, records, vectors

HELD = records(40)


@pytest.fixture
def filled(opened: Open) -> EmbeddedStore:
    store = opened()
    put(store, *HELD)
    assert store.drain(timeout=60)
    store.snapshot()
    return store


def assert_serves_everything(store: EmbeddedStore) -> None:
    query = vectors(1, seed=5)[0]
    expected = exact_search(HELD, query, 10)
    assert [hit.cid for hit in store.search(query, 10)] == [cid for cid, _ in expected]


def test_a_sound_store(filled: EmbeddedStore, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    report = filled.fsck(lambda done, total: seen.append((done, total)))
    assert report.ok
    assert report.as_dict()["records"] == 40
    assert seen[-1] == (40, 40)
    with pytest.raises(StoreLocked):
        fsck(tmp_path / "store", TINY)
    filled.close()
    assert fsck(tmp_path / "store", TINY).ok


def test_looking_changes_nothing(filled: EmbeddedStore, tmp_path: Path) -> None:
    filled.close()
    before = {path: path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file()}
    fsck(tmp_path / "store", TINY)
    after = {path: path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file()}
    assert after == before


def test_no_store(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        fsck(tmp_path, TINY)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_vector_in_the_index(filled: EmbeddedStore) -> None:
    filled._state.catalogue.index.stored()[7] *= np.float32(-1)
    report = filled.fsck()
    assert report.index == [f"{HELD[7].cid} is not findable"]
    assert filled.fsck(repair=True).repaired
    assert filled.fsck().ok
    assert_serves_everything(filled)
    assert filled.drain(timeout=60)
    assert filled.fsck().ok
    assert_serves_everything(filled)


def test_a_row_that_is_missing(filled: EmbeddedStore) -> None:
    filled._state.catalogue.rows.alive.view()[3] = False
    assert filled.fsck(repair=True).index == [f"{HELD[3].cid} is not findable"]
    assert_serves_everything(filled)


def test_a_row_without_a_record(filled: EmbeddedStore, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "store" / "records.sqlite3")
    connection.execute("DELETE FROM records WHERE sequence = 5")
    connection.commit()
    connection.close()
    assert filled.fsck(repair=True).index == ["sequence 5 is searched but not stored"]
    assert filled.fsck().ok


def test_a_record_with_a_tombstone(filled: EmbeddedStore, tmp_path: Path) -> None:
    filled.close()
    connection = sqlite3.connect(tmp_path / "store" / "records.sqlite3")
    connection.execute("INSERT INTO tombstones VALUES (?, 0)", (parse_cid(HELD[2].cid),))
    connection.commit()
    connection.close()
    report = fsck(tmp_path / "store", TINY)
    assert report.database == [f"{HELD[2].cid} is held and carries a tombstone"]


NOBODY = "v1::" + "0" * 64
POINTLESS = [f"{NOBODY} waits for seat {seat} and is not held" for seat in (5, 6)]


@pytest.fixture
def pointless(filled: EmbeddedStore, tmp_path: Path) -> Path:
    """A closed store in whose outbox two of three records are not there."""
    filled.enqueue([(5, HELD[2].cid), (5, HELD[3].cid), (6, HELD[2].cid)])
    filled.close()
    connection = sqlite3.connect(tmp_path / "store" / "records.sqlite3")
    key = parse_cid(HELD[2].cid)
    connection.execute("UPDATE outbox SET cid = zeroblob(32) WHERE cid = ?", (key,))
    connection.commit()
    connection.close()
    return tmp_path / "store"


def test_deliveries_of_what_is_not_held(pointless: Path, opened: Open) -> None:
    for repair in (False, True):
        report = fsck(pointless, TINY, repair=repair)
        assert report.outbox == report.as_dict()["outbox"] == POINTLESS
        assert not report.ok
        assert report.repaired is repair
    assert fsck(pointless, TINY).ok
    assert opened().waiting() == {5: 1}


def test_they_are_dropped_while_serving_too(pointless: Path, opened: Open) -> None:
    store = opened()
    assert store.waiting() == {5: 2, 6: 1}
    assert store.fsck().outbox == POINTLESS
    assert store.fsck(repair=True).repaired
    assert store.waiting() == {5: 1}
    assert store.fsck().ok


def test_a_torn_snapshot_is_mended(filled: EmbeddedStore, tmp_path: Path, opened: Open) -> None:
    filled.close()
    (index,) = (tmp_path / "store").rglob("index.faiss")
    index.write_bytes(index.read_bytes()[:100])
    report = fsck(tmp_path / "store", TINY)
    assert [line for line in report.index if "snapshot cannot be used" in line] == report.index
    assert not report.ok and not report.repaired
    assert fsck(tmp_path / "store", TINY, repair=True).repaired
    assert fsck(tmp_path / "store", TINY).ok
    store = opened()
    assert store.stats().indexed == 40
    assert_serves_everything(store)


def test_ingest_and_deletes_during_a_check_are_no_faults(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Drainer, "start", lambda drainer: None)
    store = opened()
    put(store, *HELD)
    monkeypatch.undo()

    victims = iter(HELD)

    def meanwhile(done: int, total: int) -> None:
        store.delete(next(victims).cid)
        put(store, *records(2, seed=done))

    assert store.fsck(meanwhile).ok
    store._drainer.start()
    assert store.fsck(meanwhile).ok
    assert store.stats().deleted >= 2

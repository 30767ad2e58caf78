"""A backup is one moment of a store in use; a restore is checked and overwrites nothing."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from engram.errors import InvalidInput, NotFound, RefusedHere, StoreCorrupt, StoreError, StoreTooNew
from engram.storage import backup, describe_holder, open_store, restore
from tests.storage.conftest import Open
from tests.storage.records_for_tests import TINY, exact_search, put, records, vectors

HELD = records(30)


@pytest.fixture
def copied(opened: Open, tmp_path: Path) -> Path:
    """A backup of a store that is still open, with one tombstone."""
    store = opened()
    put(store, *HELD)
    store.delete(HELD[0].cid)
    assert backup(tmp_path / "store", tmp_path / "copy.engram") == 29
    return tmp_path / "copy.engram"


def test_a_restored_store_has_everything(copied: Path, opened: Open, tmp_path: Path) -> None:
    assert restore(copied, tmp_path / "again") == 29
    store = opened(TINY, tmp_path / "again")
    query = vectors(1, seed=5)[0]
    expected = exact_search(HELD[1:], query, 10)
    assert [hit.cid for hit in store.search(query, 10)] == [cid for cid, _ in expected]
    assert isinstance(put(store, HELD[0])[0], RefusedHere)
    assert store.fsck().ok
    used = store.stats().last_sequence
    put(store, *records(1, seed=8))
    assert store.stats().last_sequence == used + 1 == 31


def test_the_outbox_comes_along(opened: Open, tmp_path: Path) -> None:
    store = opened()
    unchecked = replace(HELD[1], text="poison", text_verified=False)
    put(store, *(replace(one, deliver_to=(5, 6)) for one in HELD[2:]), unchecked)
    store.delivered(6, [HELD[2].cid])
    backup(tmp_path / "store", tmp_path / "copy.engram")
    store.drop_seats([5])
    restore(tmp_path / "copy.engram", tmp_path / "again")
    again = opened(TINY, tmp_path / "again")
    assert again.waiting() == {5: 28, 6: 27}
    assert [one.cid for one in again.outbox(5, 99)] == sorted(one.cid for one in HELD[2:])
    held = again.get(HELD[1].cid)
    assert held is not None and (held.text, held.text_verified) == (None, False)
    assert again.fsck().ok


def test_the_original_goes_on(copied: Path, opened: Open, tmp_path: Path) -> None:
    holder = describe_holder(tmp_path / "store")
    assert holder is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.engram", "store"]


def test_a_backup_under_writes_is_one_moment(opened: Open, tmp_path: Path) -> None:
    store = opened(TINY.model_copy(update={"tail_limit": 100_000}))
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(lambda: [put(store, *records(5, seed)) for seed in range(60)])
        counts = [backup(tmp_path / "store", tmp_path / f"copy{n}") for n in range(5)]
        writing.result()
    assert counts == sorted(counts)
    for n, count in enumerate(counts):
        assert restore(tmp_path / f"copy{n}", tmp_path / f"again{n}") == count
        other = open_store(tmp_path / f"again{n}", TINY)
        assert [one.sequence for one in other.scan()] == list(range(1, count + 1))
        other.close()


def test_nothing_is_overwritten(copied: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="overwrites nothing"):
        backup(tmp_path / "store", copied)
    with pytest.raises(InvalidInput, match="not empty"):
        restore(copied, tmp_path / "store")
    with pytest.raises(InvalidInput, match="not empty"):
        restore(copied, copied)


def test_an_empty_directory_will_do(copied: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert restore(copied, tmp_path / "empty") == 29


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        backup(tmp_path, tmp_path / "copy")
    with pytest.raises(NotFound):
        restore(tmp_path / "copy", tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("damage", ["truncated", "a record", "not ours", "no database", "newer"])
def test_a_bad_backup_is_refused(copied: Path, tmp_path: Path, damage: str) -> None:
    expected = {"not ours": StoreError, "newer": StoreTooNew}.get(damage, StoreCorrupt)
    if damage == "truncated":
        copied.write_bytes(copied.read_bytes()[: copied.stat().st_size // 2])
    elif damage == "no database":
        copied.write_bytes(b"anything" * 1_000)
    else:
        connection = sqlite3.connect(copied)
        connection.execute(
            {
                "a record": "UPDATE records SET embedding = zeroblob(1536) WHERE sequence = 9",
                "not ours": "PRAGMA application_id = 7",
                "newer": "PRAGMA user_version = 99",
            }[damage]
        )
        connection.commit()
        connection.close()
    with pytest.raises(expected):
        restore(copied, tmp_path / "again")
    assert list((tmp_path / "again").iterdir()) == []

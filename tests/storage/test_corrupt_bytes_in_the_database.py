"""A byte that rotted on disk: the record is reported and never served, its neighbours are."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from engram.core import parse_cid
from engram.errors import StoreCorrupt
from engram.storage import EmbeddedStore, NewRecord, fsck
from tests.storage.conftest import Open
from tests.storage.records_for_tests import TINY, filter_of, put, records

HELD = records(12)
VICTIM = HELD[4]
DAMAGE: dict[str, tuple[str, Callable[[bytes], bytes | str]]] = {
    "a byte of the embedding": ("embedding", lambda raw: raw[:8] + bytes([raw[8] ^ 1]) + raw[9:]),
    "not a number in the embedding": ("embedding", lambda raw: b"\xff" * 4 + raw[4:]),
    "embedding cut short": ("embedding", lambda raw: raw[:-1]),
    "embedding of zeros": ("embedding", lambda raw: bytes(len(raw))),
    "another value in the metadata": ("metadata", lambda raw: raw.replace(b"even", b"evem")),
    "metadata that is no JSON": ("metadata", lambda raw: raw[:-1]),
    "metadata that is no UTF-8": ("metadata", lambda raw: raw.replace(b"even", b"ev\xffn")),
    "another version": ("model_version", lambda raw: "v2"),
    "a version that is none": ("model_version", lambda raw: "\N{SNOWMAN}"),
}


def damage(folder: Path, what: str, victim: NewRecord = VICTIM) -> None:
    column, change = DAMAGE[what]
    key = parse_cid(victim.cid)
    connection = sqlite3.connect(folder / "records.sqlite3")
    query = f"SELECT {column} FROM records WHERE cid = ?"
    (raw,) = connection.execute(query, (key,)).fetchone()
    connection.execute(f"UPDATE records SET {column} = ? WHERE cid = ?", (change(raw), key))
    connection.commit()
    connection.close()


def assert_never_served(store: EmbeddedStore) -> None:
    others = {one.cid for one in HELD} - {VICTIM.cid}
    with pytest.raises(StoreCorrupt, match=VICTIM.cid):
        store.get(VICTIM.cid)
    assert {hit.cid for hit in store.search(VICTIM.embedding, 100)} == others
    assert len(store.search(VICTIM.embedding, 11)) == 11
    even = store.search(VICTIM.embedding, 100, filter_of(parity="even"))
    assert {hit.cid for hit in even} == {c.cid for c in HELD[::2]} - {VICTIM.cid}
    assert store.embeddings([VICTIM.cid, HELD[0].cid]) == [None, HELD[0].embedding.tobytes()]
    assert {one.cid for one in store.list(100).records} == others
    with pytest.raises(StoreCorrupt, match=VICTIM.cid):
        list(store.scan())
    damaged: list[str] = []
    assert {one.cid for one in store.scan_intact(damaged.append)} == others
    assert damaged == [VICTIM.cid]
    report = store.fsck()
    assert not report.ok
    assert report.damaged == [VICTIM.cid]
    assert store.stats().detail["damaged"] == 1


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_under_a_running_store(opened: Open, tmp_path: Path, what: str) -> None:
    store = opened()
    put(store, *HELD)
    damage(tmp_path / "store", what)
    assert_never_served(store)


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_found_at_start(opened: Open, tmp_path: Path, what: str) -> None:
    store = opened()
    put(store, *HELD)
    store.close()
    damage(tmp_path / "store", what)
    assert_never_served(opened())


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_that_search_meets_first(opened: Open, tmp_path: Path, what: str) -> None:
    store = opened()
    put(store, *HELD)
    damage(tmp_path / "store", what)
    hits = store.search(VICTIM.embedding, 5)
    assert len(hits) == 5
    assert VICTIM.cid not in {hit.cid for hit in hits}
    assert store.stats().detail["damaged"] == 1


def test_fsck_reports_and_keeps_it(opened: Open, tmp_path: Path) -> None:
    store = opened()
    put(store, *HELD)
    store.close()
    damage(tmp_path / "store", "a byte of the embedding")
    for repair in (False, True, False):
        report = fsck(tmp_path / "store", TINY, repair=repair)
        assert report.damaged == [VICTIM.cid]
        assert report.records == 12


def test_a_damaged_record_can_be_deleted_and_stored_again(opened: Open, tmp_path: Path) -> None:
    store = opened()
    put(store, *HELD)
    damage(tmp_path / "store", "a byte of the embedding")
    assert store.search(VICTIM.embedding, 1)[0].cid != VICTIM.cid
    assert store.delete(VICTIM.cid)
    assert store.undelete(VICTIM.cid)
    put(store, VICTIM)
    assert store.search(VICTIM.embedding, 1)[0].cid == VICTIM.cid
    assert store.fsck().ok

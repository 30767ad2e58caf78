"""A copy of a damaged record arrives: it takes the place of the bad bytes, whole and searchable."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from engram.core import parse_cid
from engram.errors import StoreCorrupt
from engram.storage import EmbeddedStore, Stored, fsck
from engram.storage.records import Records
from tests.storage.conftest import Open
from tests.storage.records_for_tests import TINY, filter_of, put, records
from tests.storage.test_corrupt_bytes_in_the_database import DAMAGE, HELD, VICTIM, damage

OTHERS = {one.cid for one in HELD} - {VICTIM.cid}
SUBTLE = "a byte of the embedding"  # nothing but the hash shows it


def tolerate(store: EmbeddedStore) -> None:
    with pytest.raises(StoreCorrupt):
        store.get(VICTIM.cid)


READS: dict[str, Callable[[EmbeddedStore], object]] = {
    "get": tolerate,
    "embeddings": lambda store: store.embeddings([VICTIM.cid]),
    "search": lambda store: store.search(VICTIM.embedding, 3),
    "list": lambda store: store.list(100),
    "scan": lambda store: [*store.scan_intact(lambda cid: None)],
    "fsck": lambda store: store.fsck(),
}


def assert_not_claimed(store: EmbeddedStore) -> None:
    assert set(store.has([one.cid for one in HELD])) == OTHERS
    digests = [row.tobytes() for row in store.digests()]
    assert digests == sorted(map(parse_cid, OTHERS))
    assert VICTIM.cid not in {hit.cid for hit in store.search(VICTIM.embedding, 100)}
    assert store.enqueue([(5, VICTIM.cid)]) == 0
    assert store.stats().detail["damaged"] == 1


def assert_whole(store: EmbeddedStore) -> None:
    held = store.get(VICTIM.cid)
    assert held is not None
    assert held.embedding.tobytes() == VICTIM.embedding.tobytes()
    assert store.search(VICTIM.embedding, 1)[0].cid == VICTIM.cid
    even = store.search(VICTIM.embedding, 100, filter_of(parity="even"))
    assert {hit.cid for hit in even} == {one.cid for one in HELD[::2]}
    assert len(store.digests()) == len(store.has([one.cid for one in HELD])) == len(HELD)
    assert store.stats().records == len(HELD)
    assert store.stats().detail["damaged"] == 0
    assert store.fsck().ok


def found_damaged(opened: Open, folder: Path, what: str = SUBTLE) -> EmbeddedStore:
    """A store with one record that was found to be damaged by a search."""
    store = opened()
    put(store, *HELD)
    damage(folder, what)
    store.search(VICTIM.embedding, 100)
    return store


@pytest.mark.parametrize("read", READS)
def test_whoever_reads_it_first_it_is_claimed_no_more(
    opened: Open, tmp_path: Path, read: str
) -> None:
    store = opened()
    put(store, *HELD)
    damage(tmp_path / "store", SUBTLE)
    assert len(store.digests()) == len(HELD), "nobody has looked yet"
    READS[read](store)
    assert_not_claimed(store)


@pytest.mark.parametrize("what", DAMAGE)
def test_a_put_replaces_the_bytes(opened: Open, tmp_path: Path, what: str) -> None:
    store = found_damaged(opened, tmp_path / "store", what)
    assert_not_claimed(store)
    assert put(store, VICTIM, VICTIM, HELD[0]) == [
        Stored(VICTIM.cid, False),
        Stored(VICTIM.cid, True),
        Stored(HELD[0].cid, True),
    ]
    assert_whole(store)
    store.close()
    assert_whole(opened())


@pytest.mark.parametrize("what", DAMAGE)
@pytest.mark.parametrize("snapshot", [True, False])
def test_it_is_known_after_a_restart(
    opened: Open, tmp_path: Path, what: str, snapshot: bool
) -> None:
    store = found_damaged(opened, tmp_path / "store", what)
    if snapshot:
        store.drain()
        store.snapshot()
    store.close()
    store = opened()
    assert_not_claimed(store)
    assert store.stats().detail["snapshot_problem"] is None
    assert put(store, VICTIM) == [Stored(VICTIM.cid, False)]
    assert_whole(store)


def test_damage_met_at_start_costs_no_rebuild_at_every_start(opened: Open, tmp_path: Path) -> None:
    store = opened()
    put(store, *HELD)
    store.close()
    damage(tmp_path / "store", "embedding cut short")
    for path in (tmp_path / "store" / "snapshots").rglob("rows.npz"):
        path.unlink()  # so that every record is looked at
    opened().close()
    store = opened()
    assert store.stats().detail["snapshot_problem"] is None
    assert_not_claimed(store)


def test_the_snapshot_knows_though_the_note_did_not_reach_the_disk(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Records, "condemn", lambda *_: False)
        store = found_damaged(opened, tmp_path / "store")
        store.drain()
        store.snapshot()
        store.close()
    assert_not_claimed(opened())


def test_a_rebuilt_index_does_not_bring_it_back(opened: Open, tmp_path: Path) -> None:
    store = found_damaged(opened, tmp_path / "store")
    store.rebuild()
    assert_not_claimed(store)
    for one in HELD[5:]:
        store.delete(one.cid)  # most are dead now: the index is built anew without them
    assert store.drain(60)
    assert_not_claimed_among_few(store)
    store.close()
    assert_not_claimed_among_few(opened())


def assert_not_claimed_among_few(store: EmbeddedStore) -> None:
    kept = {one.cid for one in HELD[:4]}
    assert set(store.has([one.cid for one in HELD])) == kept
    assert {hit.cid for hit in store.search(VICTIM.embedding, 100)} == kept
    assert len(store.digests()) == 4


def test_what_was_misread_once_is_served_again(opened: Open, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    store = found_damaged(opened, folder)
    damage(folder, SUBTLE)  # the same bit again: the bytes are right
    assert_not_claimed(store)
    store.close()
    report = fsck(folder, TINY, repair=True)
    assert report.index == [f"{VICTIM.cid} is not findable"]
    assert report.repaired
    assert_whole(opened())


def test_a_stale_reader_does_not_condemn_the_new_bytes(opened: Open, tmp_path: Path) -> None:
    store = found_damaged(opened, tmp_path / "store")
    old_view = store.scan_intact(lambda cid: None)
    next(old_view)
    put(store, VICTIM)
    assert VICTIM.cid not in {one.cid for one in old_view}
    assert_whole(store)


@pytest.mark.parametrize("way", ["delete", "forget"])
def test_it_can_be_taken_away(opened: Open, tmp_path: Path, way: str) -> None:
    store = found_damaged(opened, tmp_path / "store")
    assert store.delete(VICTIM.cid) if way == "delete" else store.forget([VICTIM.cid])
    with closing(sqlite3.connect(tmp_path / "store" / "records.sqlite3")) as connection:
        assert connection.execute("SELECT count(*) FROM damaged").fetchone() == (0,)
    assert store.stats().detail["damaged"] == 0
    store.undelete(VICTIM.cid)
    assert put(store, VICTIM) == [Stored(VICTIM.cid, False)]
    assert_whole(store)


def test_it_is_sent_to_nobody_and_its_successor_is(opened: Open, tmp_path: Path) -> None:
    store = opened()
    put(store, *(replace(one, deliver_to=(5,)) for one in HELD))
    damage(tmp_path / "store", SUBTLE)
    tolerate(store)
    store.delivered(5, [HELD[0].cid])  # behind the note of the damage
    assert {delivery.cid for delivery in store.outbox(5, 100)} == OTHERS - {HELD[0].cid}
    put(store, replace(VICTIM, deliver_to=(5, 6)))
    assert store.waiting() == {5: len(HELD) - 1, 6: 1}


def test_many_damaged_at_once(opened: Open, tmp_path: Path) -> None:
    store, many = opened(), records(60, seed=8)
    put(store, *many)
    for victim in many[::2]:
        damage(tmp_path / "store", SUBTLE, victim)
    assert len(store.list(100).records) == 30
    assert len(store.digests()) == 30
    outcomes = put(store, *many)
    assert outcomes == [Stored(one.cid, bool(n % 2)) for n, one in enumerate(many)]
    assert len(store.digests()) == 60
    assert store.fsck().ok

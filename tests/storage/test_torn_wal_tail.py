"""The write-ahead log cut at any byte: every commit before the cut is whole, none is half there."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.storage import NewRecord, open_store
from tests.storage.records_for_tests import TINY, put, records

COMMITS, RECORDS_PER_COMMIT = 12, 3
SEAT = 5


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[NewRecord], list[int]]:
    """A copy of a store that was never closed, its records, and the log's size at each commit."""
    folder, copy = tmp_path_factory.mktemp("open") / "store", tmp_path_factory.mktemp("crashed")
    held = [replace(one, deliver_to=(SEAT,)) for one in records(COMMITS * RECORDS_PER_COMMIT)]
    sizes = []
    store = open_store(folder, TINY)
    log = folder / "records.sqlite3-wal"
    for start in range(0, len(held), RECORDS_PER_COMMIT):
        put(store, *held[start : start + RECORDS_PER_COMMIT])
        sizes.append(log.stat().st_size)
    for name in ("records.sqlite3", "records.sqlite3-wal"):
        shutil.copyfile(folder / name, copy / name)
    store.close()
    return copy, held, sizes


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_every_commit_before_the_cut_is_whole(
    crashed: tuple[Path, list[NewRecord], list[int]],
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
) -> None:
    source, held, sizes = crashed
    cids = [one.cid for one in held]
    cut = data.draw(st.integers(0, sizes[-1]) | st.sampled_from(sizes), label="bytes of log left")
    damage = data.draw(st.binary(max_size=64), label="garbage behind the cut")
    folder = tmp_path_factory.mktemp("torn")
    for file in source.iterdir():
        shutil.copyfile(file, folder / file.name)
    log = folder / "records.sqlite3-wal"
    log.write_bytes(log.read_bytes()[:cut] + damage)
    whole = RECORDS_PER_COMMIT * sum(size <= cut for size in sizes)
    if whole == 0:
        return  # cut before the schema's own commit, or nothing acknowledged is left
    store = open_store(folder, TINY)
    try:
        assert [one.cid for one in store.scan()] == [one.cid for one in held[:whole]]
        assert {delivery.cid for delivery in store.outbox(SEAT, 100)} == set(store.has(cids))
        assert store.waiting() == {SEAT: whole}
        assert store.fsck().ok
        assert store.search(held[0].embedding, 1)[0].cid == held[0].cid
        put(store, held[-1])
        assert store.get(held[-1].cid) is not None
    finally:
        store.close()
        shutil.rmtree(folder)

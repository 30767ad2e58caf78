"""A full disk: a write is refused whole, reads go on, and writes work again once there is room."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engram.errors import StorageFull
from engram.storage import EmbeddedStore, open_store
from tests.storage.conftest import Open
from tests.storage.records_for_tests import TINY, put, record, records, vectors

ON_A_SMALL_DISK = """
import sys
from pathlib import Path
from tests.storage.test_disk_full import fill_and_recover
fill_and_recover(Path(sys.argv[1]))
"""
IN_A_TMPFS = 'mount -t tmpfs -o size=6m none "$1" && exec "$2" -c "$3" "$1"'
SEAT = 5
HEAVY = {"pad": "x" * 60_000}


def fill_and_recover(disk: Path) -> None:
    """Runs inside a namespace of its own, on a disk of 6 MiB."""
    ballast = disk / "ballast"
    ballast.write_bytes(b"\0" * 1024 * 1024)
    store = open_store(disk / "store", TINY)
    held = records(20)
    put(store, *held)
    stored = write_until_full(store)
    assert store.stats().records == 20 + stored
    assert store.waiting() == {SEAT: stored}, "a record that was refused waits for nobody"
    queued = queue_until_full(store)
    assert store.waiting() == {SEAT: stored, SEAT + 1: queued}
    assert store.search(held[3].embedding, 1)[0].cid == held[3].cid
    assert store.get(held[4].cid) is not None
    with pytest.raises(StorageFull):
        store.snapshot()
    ballast.unlink()
    late = records(3, seed=9)
    put(store, *late)
    store.close()
    store = open_store(disk / "store", TINY)
    assert store.stats().records == 23 + stored
    assert store.search(late[0].embedding, 1)[0].cid == late[0].cid
    assert store.waiting() == {SEAT: stored, SEAT + 1: queued}
    assert store.fsck().ok
    store.close()
    print("recovered")


def write_until_full(store: EmbeddedStore) -> int:
    for stored, vector in enumerate(vectors(200, seed=4)):
        try:
            heavy = record(vector, {"stored": stored, **HEAVY})
            put(store, replace(heavy, deliver_to=(SEAT,)))
        except StorageFull as error:
            assert error.retry_after
            return stored
    raise AssertionError("6 MiB never filled")


def queue_until_full(store: EmbeddedStore) -> int:
    """Deliveries of every held record to one seat, one at a time, as far as they go."""
    for queued, one in enumerate(store.list(1_000).records):
        try:
            assert store.enqueue([(SEAT + 1, one.cid)]) == 1
        except StorageFull:
            return queued
    return store.stats().records


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    unshare = ["unshare", "-Urnm"]
    if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("unshare -Urnm is not permitted here: no disk of our own to fill")
    command = ["sh", "-c", IN_A_TMPFS, "sh", str(tmp_path), sys.executable, ON_A_SMALL_DISK]
    done = subprocess.run([*unshare, *command], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "recovered\n"


def test_the_operators_share_of_the_disk_is_kept(opened: Open) -> None:
    store = opened(TINY.model_copy(update={"max_disk_bytes": 2_000_000}))
    stored = write_until_full(store)
    assert 5 < stored < 40
    assert store.stats().records == stored
    again = record(vectors(1, seed=4)[0], {"stored": 0, **HEAVY})
    assert put(store, again)[0].duplicate  # type: ignore[union-attr]
    assert len(store.search(again.embedding, 100)) == stored
    store.delete(again.cid)  # an operator can always make room


def test_the_outbox_keeps_to_the_share_too(opened: Open) -> None:
    store, held = opened(), records(5)
    put(store, *(replace(one, deliver_to=(SEAT,)) for one in held))
    store.close()
    store = opened(TINY.model_copy(update={"max_disk_bytes": 1}))
    with pytest.raises(StorageFull, match="share of the disk"):
        store.enqueue([(SEAT + 1, held[0].cid)])
    assert store.waiting() == {SEAT: 5}
    store.delivered(SEAT, [held[0].cid])
    assert store.forget([held[1].cid]) == 1
    assert store.waiting() == {SEAT: 3}


def test_a_larger_share_lets_writes_in_again(opened: Open) -> None:
    store = opened(TINY.model_copy(update={"max_disk_bytes": 1}))
    new = records(1)
    with pytest.raises(StorageFull, match="share of the disk"):
        put(store, *new)
    store.close()
    assert np.all([not isinstance(o, Exception) for o in put(opened(TINY), *new)])

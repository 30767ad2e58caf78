"""A background loop that fails says so, keeps trying, and never leaves a caller waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from engram.errors import StoreError
from engram.storage import EmbeddedStore
from engram.storage.catalogue import Catalogue
from engram.storage.drainer import Drainer
from engram.storage.records import Records
from tests.storage.conftest import Open
from tests.storage.records_for_tests import put, records


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def fail(*_: Any) -> Any:
    raise RuntimeError("a defect")


def test_the_drainer_recovers(store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Drainer, "_drain_batch", fail)
        put(store, *records(5))
        wait_until(lambda: not store.stats().detail["healthy"])
        detail = store.stats().detail
        assert detail["failing"] == {"engram-drainer": "RuntimeError: a defect"}
        assert store.search(records(5)[0].embedding, 1)[0].cid == records(5)[0].cid
    assert store.drain(timeout=60)
    wait_until(lambda: bool(store.stats().detail["healthy"]))
    assert store.stats().detail["failures"] >= 1


def test_a_snapshot_that_is_asked_for_meets_the_failure(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Drainer, "_save", fail)
    with pytest.raises(RuntimeError, match="a defect"):
        store.snapshot()


def test_a_failed_commit_answers_everybody(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Records, "insert", fail)
        for future in [store.submit(records(2, seed)) for seed in range(3)]:
            with pytest.raises(StoreError):
                future.result(timeout=30)
    put(store, *records(2))
    assert store.stats().records == 2
    assert store.stats().detail["pending"] == 0


def test_what_is_on_disk_but_not_in_memory_stops_writing_until_a_restart(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, held = opened(), records(4)
    put(store, held[0])
    with monkeypatch.context() as patch:
        patch.setattr(Catalogue, "append", fail)
        with pytest.raises(StoreError):
            put(store, held[1])
    with pytest.raises(StoreError, match="restart"):
        put(store, held[2])
    assert store.get(held[0].cid) is not None
    store.close()
    again = opened()
    put(again, *held)
    assert {hit.cid for hit in again.search(held[0].embedding, 9)} == {one.cid for one in held}
    assert again.fsck().ok


def test_closing_does_not_wait_for_a_loop_that_fails(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened()
    monkeypatch.setattr(Drainer, "_drain_batch", fail)
    put(store, *records(3))
    wait_until(lambda: store.stats().detail["failures"] >= 1)
    store.close()
    monkeypatch.undo()
    assert opened().stats().records == 3

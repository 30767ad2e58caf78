"""However much is queued: counts cost no look at the disk, pages are short ways, commits small."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engram.storage import EmbeddedStore, outbox
from engram.storage import store as store_module
from engram.storage.database import ReaderPool
from engram.storage.outbox import Outbox
from engram.storage.records import Records
from tests.storage.conftest import Open
from tests.storage.records_for_tests import put, records

HELD = records(25)
CIDS = sorted(one.cid for one in HELD)
AT_ONCE = 7


@pytest.fixture
def filled(store: EmbeddedStore) -> EmbeddedStore:
    put(store, *HELD)
    store.enqueue([(seat, cid) for seat in (5, 6) for cid in CIDS])
    return store


def test_counts_are_kept(filled: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(_: ReaderPool) -> None:
        raise AssertionError("it looked at the disk")

    with monkeypatch.context() as patch:
        patch.setattr(ReaderPool, "reader", look)
        assert filled.waiting() == {5: 25, 6: 25}


@pytest.mark.parametrize("statement", [outbox._PAGE, outbox._TAKE_OFF.format("?,?")])
def test_the_key_finds_them(filled: EmbeddedStore, tmp_path: Path, statement: str) -> None:
    connection = sqlite3.connect(tmp_path / "store" / "records.sqlite3")
    places = statement.count("?")
    plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", [0] * places).fetchall()
    connection.close()
    steps = [str(step[-1]) for step in plan]
    assert steps[0].startswith("SEARCH outbox USING PRIMARY KEY (seat=? AND cid")
    assert not [step for step in steps if "SCAN" in step or "TEMP B-TREE" in step]


COMMITS: dict[str, tuple[type, str, Callable[..., int], Callable[[EmbeddedStore], Any]]] = {
    "enqueue": (
        Outbox,
        "queue",
        lambda pairs, now: len(pairs),
        lambda store: store.enqueue([(7, cid) for cid in CIDS]),
    ),
    "delivered": (
        Outbox,
        "take_off",
        lambda seat, digests: len(digests),
        lambda store: store.delivered(5, CIDS),
    ),
    "drop_seats": (
        Outbox,
        "drop_some",
        lambda seat, at_most: at_most,
        lambda store: store.drop_seats([5]),
    ),
    "forget": (Records, "remove", len, lambda store: store.forget(CIDS)),
}


@pytest.mark.parametrize("what", COMMITS)
def test_commits_are_short(opened: Open, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    store = opened()
    put(store, *HELD)
    store.enqueue([(5, cid) for cid in CIDS])
    monkeypatch.setattr(store_module, "_QUEUED_AT_ONCE", AT_ONCE)
    monkeypatch.setattr(store_module, "_FORGOTTEN_AT_ONCE", AT_ONCE)
    owner, name, size, run = COMMITS[what]
    sizes: list[int] = []
    real = getattr(owner, name)

    def spy(self: Any, *given: Any) -> Any:
        sizes.append(size(*given))
        return real(self, *given)

    monkeypatch.setattr(owner, name, spy)
    run(store)
    assert len(sizes) >= 4
    assert max(sizes) <= AT_ONCE
    assert store.waiting() == ({5: 25, 7: 25} if what == "enqueue" else {})

"""Past 30 % dead the index is built anew in the background, and nobody notices."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engram.storage import EmbeddedStore, NewRecord
from engram.storage.drainer import Drainer
from engram.storage.index import Index
from engram.storage.rows import Rows
from engram.storage.state import BURST_S
from tests.storage.conftest import Open
from tests.storage.records_for_tests import TINY, exact_search, put, record, records, vectors

HELD = records(100)
QUERIES = vectors(4, seed=11)
ROOMY = TINY.model_copy(update={"tail_limit": 1_000})


def assert_finds(store: EmbeddedStore, held: list[NewRecord]) -> None:
    for query in QUERIES:
        expected = exact_search(held, query, 10)
        assert [hit.cid for hit in store.search(query, 10)] == [cid for cid, _ in expected]


def indexed(store: EmbeddedStore) -> int:
    """Vectors in the index once every turn of the drainer that is due has been taken."""
    assert store.drain(timeout=60)
    time.sleep(2 * BURST_S)  # a drainer that stands back from a burst of writes maintains nothing
    store.snapshot()  # answered between two turns,
    store.snapshot()  # so the first one's maintenance is over when the second is answered
    return store.stats().indexed


def delete_all(store: EmbeddedStore, victims: list[NewRecord]) -> None:
    for one in victims:
        assert store.delete(one.cid)


def test_up_to_thirty_percent_the_dead_stay(opened: Open) -> None:
    store = opened(ROOMY)
    put(store, *HELD)
    store.drain()
    delete_all(store, HELD[:30])
    assert indexed(store) == 100
    assert_finds(store, HELD[30:])


def test_past_it_they_go(opened: Open, tmp_path: Path) -> None:
    store = opened(ROOMY)
    put(store, *HELD)
    store.drain()
    delete_all(store, HELD[:31])
    assert indexed(store) == 69
    assert_finds(store, HELD[31:])
    assert store.fsck().ok
    put(store, *records(10, seed=5))
    store.close()
    again = opened(ROOMY)
    assert again.stats().detail["snapshot_problem"] is None
    assert_finds(again, HELD[31:] + records(10, seed=5))


def test_a_twin_keeps_a_vector_alive(opened: Open) -> None:
    store = opened(ROOMY)
    twins = [record(one.embedding, {"twin": n}) for n, one in enumerate(HELD)]
    put(store, *HELD, *twins)
    store.drain()
    delete_all(store, HELD)
    assert indexed(store) == 100
    assert_finds(store, twins)


def test_everything_may_be_deleted(opened: Open) -> None:
    store = opened(ROOMY)
    put(store, *HELD)
    store.drain()
    delete_all(store, HELD)
    assert indexed(store) == 0
    assert_finds(store, [])
    put(store, *records(5, seed=5))
    assert_finds(store, records(5, seed=5))


@pytest.mark.parametrize("meanwhile", ["put", "delete", "revive"])
def test_what_happens_during_the_rebuild_is_kept(
    opened: Open, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    store = opened(ROOMY)
    put(store, *HELD)
    store.drain()
    held = list(HELD[31:])

    def put_more() -> None:
        put(store, *records(10, seed=5))
        held.extend(records(10, seed=5))

    def delete_more() -> None:
        delete_all(store, held[:5])
        del held[:5]

    def revive() -> None:
        store.undelete(HELD[0].cid)
        put(store, HELD[0])
        held.append(HELD[0])

    acts = {"put": put_more, "delete": delete_more, "revive": revive}
    build = Drainer._index_of

    def build_while_things_happen(self: Drainer, old: Any, slots: Any) -> Index | None:
        index = build(self, old, slots)
        assert store.stats().rebuilding
        if acts:
            acts.pop(meanwhile)()
            acts.clear()
        assert_finds(store, held)
        return index

    monkeypatch.setattr(Drainer, "_index_of", build_while_things_happen)
    delete_all(store, HELD[:31])
    indexed(store)
    assert not acts
    assert_finds(store, held)
    assert store.stats().detail["healthy"], store.stats().detail
    assert store.fsck().ok


def test_a_vector_whose_records_died_during_the_rebuild_is_counted() -> None:
    """The new index has it, and no row does: the next look must see that it may go."""
    rows = Rows(bytes(16))
    slots, _ = rows.place(vectors(2))
    rows.append([1, 2], bytes(32) + bytes([1]) * 32, slots)
    only_first = np.array([True, False])
    kept = rows.kept(only_first, np.array([0, 1]))
    assert (kept.count, kept.living, kept.slots) == (1, 1, 2)
    assert kept.dead_slots(2) == 1
    nothing = rows.kept(np.array([False, False]), np.array([0, 1]))
    assert nothing.dead_slots(2) == 2

"""Vectors arriving faster than they are indexed: refused as a whole, never lost, let in again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from engram.errors import Overloaded
from engram.storage import EmbeddedStore
from engram.storage.drainer import Drainer
from tests.storage.conftest import Open
from tests.storage.records_for_tests import TINY, exact_search, put, records, vectors


@pytest.fixture
def stuck(opened: Open, monkeypatch: pytest.MonkeyPatch) -> EmbeddedStore:
    """A store whose drainer has not started yet."""
    with monkeypatch.context() as patch:
        patch.setattr(Drainer, "start", lambda drainer: None)
        return opened(TINY)


def start_draining(store: EmbeddedStore) -> None:
    store._drainer.start()


def test_ingest_is_told_to_wait_and_search_goes_on(stuck: EmbeddedStore) -> None:
    held = records(TINY.tail_limit)
    put(stuck, *held)
    with pytest.raises(Overloaded) as caught:
        put(stuck, *records(1, seed=5))
    assert caught.value.retry_after
    assert stuck.stats().records == TINY.tail_limit
    query = vectors(1, seed=7)[0]
    expected = exact_search(held, query, 10)
    assert [hit.cid for hit in stuck.search(query, 10)] == [cid for cid, _ in expected]
    start_draining(stuck)


def test_waiting_for_room_ends_when_the_tail_drains(stuck: EmbeddedStore) -> None:
    put(stuck, *records(TINY.tail_limit))
    assert stuck.wait_for_room(timeout=0) is False
    assert stuck.drain(timeout=0) is False
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(stuck.wait_for_room, 60)
        start_draining(stuck)
        assert waiting.result() is True
    put(stuck, *records(1, seed=5))
    assert stuck.stats().records == TINY.tail_limit + 1


def test_one_batch_may_overshoot_but_not_two(stuck: EmbeddedStore) -> None:
    put(stuck, *records(TINY.tail_limit - 1))
    put(stuck, *records(40, seed=5))
    with pytest.raises(Overloaded):
        put(stuck, *records(1, seed=6))
    start_draining(stuck)
    assert stuck.drain(timeout=60)


def test_what_is_queued_counts(stuck: EmbeddedStore) -> None:
    futures = [stuck.submit(records(16, seed)) for seed in range(8)]
    errors = [future.exception(timeout=60) for future in futures]
    assert errors[:4] == [None] * 4
    assert all(isinstance(error, Overloaded) for error in errors[4:])
    start_draining(stuck)

"""Copies that are no longer this node's, and what it says it holds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engram.core import parse_cid
from engram.errors import RefusedHere
from engram.storage import Stored, VectorStore
from tests.storage.contract_subjects import Subject
from tests.storage.records_for_tests import put, record, records, vectors

HELD = records(20)
UNKNOWN = record(vectors(1, seed=9)[0]).cid


def digests(cids: list[str]) -> list[bytes]:
    return sorted(map(parse_cid, cids))


def as_bytes(found: NDArray[np.uint8]) -> list[bytes]:
    assert found.dtype == np.uint8
    assert found.shape == (len(found), 32)
    return [row.tobytes() for row in found]


def assert_holds(store: VectorStore, cids: list[str]) -> None:
    assert as_bytes(store.digests()) == digests(cids)
    assert set(store.has([one.cid for one in HELD])) == set(cids)
    assert {hit.cid for hit in store.search(HELD[0].embedding, 100)} == set(cids)
    assert {one.cid for one in store.list(100).records} == set(cids)
    assert store.stats().records == len(cids)


def test_an_empty_store_holds_and_refuses_nothing(subject: Subject) -> None:
    store = subject.settle()
    assert as_bytes(store.digests()) == as_bytes(store.refused()) == []


def test_digests_are_those_of_living_records_ascending(subject: Subject) -> None:
    put(subject.store, *HELD)
    assert_holds(subject.settle(), [one.cid for one in HELD])
    subject.store.delete(HELD[3].cid)
    subject.store.delete(UNKNOWN)
    store = subject.settle()
    assert_holds(store, [one.cid for one in HELD if one is not HELD[3]])
    assert as_bytes(store.refused()) == digests([HELD[3].cid, UNKNOWN])
    store.undelete(HELD[3].cid)
    put(store, HELD[3])
    assert_holds(subject.settle(), [one.cid for one in HELD])
    assert as_bytes(subject.store.refused()) == digests([UNKNOWN])


def test_digests_are_a_copy(subject: Subject) -> None:
    put(subject.store, *HELD)
    store = subject.settle()
    store.digests()[:] = 0
    assert as_bytes(store.digests()) == digests([one.cid for one in HELD])


def test_what_is_forgotten_is_gone_without_a_tombstone(subject: Subject) -> None:
    put(subject.store, *HELD)
    gone = [one.cid for one in HELD[::3]]
    assert subject.settle().forget([*gone, UNKNOWN, gone[0]]) == len(gone)
    store = subject.settle()
    assert_holds(store, [one.cid for one in HELD if one.cid not in gone])
    assert store.get(gone[0]) is None
    assert store.embeddings(gone) == [None] * len(gone)
    assert store.stats().deleted == 0
    assert len(store.refused()) == 0
    assert store.forget(gone) == store.forget([]) == 0


def test_what_is_forgotten_may_be_stored_again(subject: Subject) -> None:
    put(subject.store, *HELD)
    before = subject.store.get(HELD[4].cid)
    subject.settle().forget([one.cid for one in HELD])
    assert_holds(subject.settle(), [])
    assert put(subject.store, *HELD) == [Stored(one.cid, False) for one in HELD]
    store = subject.settle()
    assert_holds(store, [one.cid for one in HELD])
    after = store.get(HELD[4].cid)
    assert before and after and after.sequence > before.sequence
    assert store.search(HELD[4].embedding, 1)[0].cid == HELD[4].cid


def test_forgetting_lifts_no_tombstone(subject: Subject) -> None:
    put(subject.store, HELD[0])
    subject.store.delete(HELD[0].cid)
    assert subject.settle().forget([HELD[0].cid]) == 0
    with pytest.raises(RefusedHere):
        subject.store.get(HELD[0].cid)


def test_a_twin_of_a_forgotten_vector_is_still_found(subject: Subject) -> None:
    (vector,) = vectors(1)
    one, other = record(vector, {"n": 1}), record(vector, {"n": 2})
    put(subject.store, one, other)
    subject.settle().forget([one.cid])
    assert [hit.cid for hit in subject.settle().search(vector, 5)] == [other.cid]

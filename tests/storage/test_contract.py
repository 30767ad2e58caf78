"""What every VectorStore promises, asked of each of them."""

from __future__ import annotations

import numpy as np
import pytest

from engram.core import generate_cid, verify_cid
from engram.errors import InvalidCid, InvalidInput, NotReady, RefusedHere
from engram.storage import Stored
from tests.storage.contract_subjects import Subject
from tests.storage.records_for_tests import (
    exact_search,
    filter_of,
    put,
    record,
    records,
    vectors,
)


def test_a_record_comes_back_as_it_went_in(subject: Subject) -> None:
    new = record(vectors(1)[0], {"a": {"b": [1, 2.5, None, True, "ü"]}, "n": -0.0})
    put(subject.store, new)
    held = subject.settle().get(new.cid)
    assert held is not None
    assert held.embedding.tobytes() == new.embedding.tobytes()
    assert held.metadata == new.metadata
    assert verify_cid(new.cid, held.embedding, held.metadata)


def test_an_unknown_cid_is_none(subject: Subject) -> None:
    other = record(vectors(1)[0])
    assert subject.settle().get(other.cid) is None
    assert subject.store.embeddings([other.cid]) == [None]
    assert subject.store.has([other.cid]) == {}


@pytest.mark.parametrize("cid", ["", "v1::", "v1::" + "A" * 64, "v2::" + "a" * 64])
def test_a_malformed_cid_is_refused(subject: Subject, cid: str) -> None:
    with pytest.raises(InvalidCid):
        subject.store.get(cid)


def test_storing_twice_changes_nothing(subject: Subject) -> None:
    (new,) = records(1)
    assert put(subject.store, new) == [Stored(new.cid, False)]
    before = subject.settle().get(new.cid)
    assert put(subject.store, new, new) == [Stored(new.cid, True)] * 2
    assert subject.store.get(new.cid) is not None
    after = subject.settle().get(new.cid)
    assert (
        before
        and after
        and (before.sequence, before.stored_at) == (after.sequence, after.stored_at)
    )
    assert subject.store.stats().records == 1


def test_the_same_record_twice_in_one_batch_is_stored_once(subject: Subject) -> None:
    (new,) = records(1)
    assert put(subject.store, new, new) == [Stored(new.cid, False), Stored(new.cid, True)]
    assert [hit.cid for hit in subject.settle().search(new.embedding, 10)] == [new.cid]


def test_search_finds_what_exact_search_finds(subject: Subject) -> None:
    held = records(60)
    put(subject.store, *held)
    store = subject.settle()
    for query in vectors(5, seed=7):
        expected = exact_search(held, query, 10)
        hits = store.search(query, 10)
        assert [hit.cid for hit in hits] == [cid for cid, _ in expected]
        assert [hit.score for hit in hits] == pytest.approx([s for _, s in expected], abs=1e-6)


def test_a_record_is_nearest_to_itself_with_score_one(subject: Subject) -> None:
    held = records(30)
    put(subject.store, *held)
    store = subject.settle()
    for one in held:
        best = store.search(one.embedding, 1)[0]
        assert best.cid == one.cid
        assert best.score == pytest.approx(1.0, abs=1e-6)
        assert best.metadata == one.metadata


def test_scores_ignore_length_but_cids_do_not(subject: Subject) -> None:
    (vector,) = vectors(1)
    short, long = record(vector), record(vector * np.float32(4))
    put(subject.store, short, long)
    hits = subject.settle().search(vector, 2)
    assert [hit.cid for hit in hits] == sorted([short.cid, long.cid])
    assert hits[0].score == hits[1].score


def test_ties_are_ordered_by_cid(subject: Subject) -> None:
    (vector,) = vectors(1)
    same = [record(vector, {"n": n}) for n in range(40)]
    put(subject.store, *same, *records(20, seed=3))
    hits = subject.settle().search(vector, 15)
    assert [hit.cid for hit in hits] == sorted(one.cid for one in same)[:15]
    assert len({hit.score for hit in hits}) == 1


def test_a_filter_fills_top_k_whenever_enough_match(subject: Subject) -> None:
    held = records(60)
    put(subject.store, *held)
    store = subject.settle()
    for where in (filter_of(parity="odd"), filter_of(n={"$lt": 12}), filter_of(n={"$in": [5, 9]})):
        query = vectors(1, seed=5)[0]
        expected = exact_search(held, query, 10, where)
        assert [hit.cid for hit in store.search(query, 10, where)] == [cid for cid, _ in expected]


def test_top_k_beyond_the_store_returns_everything(subject: Subject) -> None:
    held = records(5)
    put(subject.store, *held)
    hits = subject.settle().search(vectors(1, seed=2)[0], 100)
    assert {hit.cid for hit in hits} == {one.cid for one in held}


def test_an_empty_store_finds_nothing(subject: Subject) -> None:
    assert subject.settle().search(vectors(1)[0], 10) == []
    assert subject.store.list(10).records == []


def test_has_and_embeddings_keep_the_order_and_the_bytes(subject: Subject) -> None:
    held = records(5)
    unknown = record(vectors(1, seed=9)[0])
    put(subject.store, *held)
    cids = [held[3].cid, unknown.cid, held[0].cid, held[3].cid]
    expected = [held[3].embedding.tobytes(), None, held[0].embedding.tobytes()]
    assert subject.settle().embeddings(cids) == [*expected, expected[0]]
    assert set(subject.store.has(cids)) == {held[3].cid, held[0].cid}


def test_listing_pages_through_everything_in_order_of_arrival(subject: Subject) -> None:
    held = records(25)
    for one in held:
        put(subject.store, one)
    store, seen, cursor = subject.settle(), [], None
    while True:
        page = store.list(7, cursor)
        seen += [one.cid for one in page.records]
        cursor = page.cursor
        if cursor is None:
            break
        assert len(page.records) == 7
    assert seen == [one.cid for one in held]


def test_a_listing_can_be_filtered(subject: Subject) -> None:
    held = records(25)
    put(subject.store, *held)
    store, where = subject.settle(), filter_of(parity="odd")
    first = store.list(7, None, where)
    second = store.list(7, first.cursor, where)
    listed = [one.cid for one in (*first.records, *second.records)]
    assert listed == [one.cid for one in held if one.metadata["parity"] == "odd"]
    assert second.cursor is None


@pytest.mark.parametrize("cursor", ["", "7", "x-7", "00000000-7", "-", "-1", "a" * 128])
def test_a_foreign_cursor_is_refused(subject: Subject, cursor: str) -> None:
    with pytest.raises(InvalidInput):
        subject.store.list(1, cursor)


def test_a_scan_sees_every_record_once(subject: Subject) -> None:
    held = records(25)
    put(subject.store, *held)
    scanned = list(subject.settle().scan())
    assert [one.cid for one in scanned] == [one.cid for one in held]
    assert [one.sequence for one in scanned] == sorted({one.sequence for one in scanned})


def test_a_scan_is_one_moment(subject: Subject) -> None:
    held = records(10)
    put(subject.store, *held)
    scan = subject.settle().scan()
    first = next(scan)
    put(subject.store, *records(5, seed=8))
    subject.store.delete(held[9].cid)
    assert [first.cid, *(one.cid for one in scan)] == [one.cid for one in held]


def test_a_deleted_record_is_gone_from_every_read(subject: Subject) -> None:
    held = records(20)
    put(subject.store, *held)
    gone = held[4]
    assert subject.settle().delete(gone.cid) is True
    store = subject.settle()
    with pytest.raises(RefusedHere):
        store.get(gone.cid)
    assert store.embeddings([gone.cid]) == [None]
    assert store.has([gone.cid]) == {}
    assert gone.cid not in {hit.cid for hit in store.search(gone.embedding, 100)}
    assert gone.cid not in {one.cid for one in store.list(100).records}
    assert gone.cid not in {one.cid for one in store.scan()}
    assert store.stats().records == 19
    assert store.stats().deleted == 1


def test_a_deleted_record_is_refused_and_its_neighbours_are_not(subject: Subject) -> None:
    held = records(3)
    put(subject.store, held[0])
    subject.store.delete(held[0].cid)
    outcomes = put(subject.settle(), *held)
    assert isinstance(outcomes[0], RefusedHere)
    assert outcomes[1:] == [Stored(one.cid, False) for one in held[1:]]


def test_deleting_what_is_not_held_still_refuses_it_later(subject: Subject) -> None:
    (new,) = records(1)
    assert subject.store.delete(new.cid) is False
    assert isinstance(put(subject.settle(), new)[0], RefusedHere)


def test_an_undeleted_record_may_be_stored_again(subject: Subject) -> None:
    (new,) = records(1)
    put(subject.store, new)
    first = subject.store.get(new.cid)
    subject.store.delete(new.cid)
    assert subject.settle().undelete(new.cid) is True
    assert subject.store.undelete(new.cid) is False
    assert subject.store.get(new.cid) is None
    assert put(subject.store, new) == [Stored(new.cid, False)]
    again = subject.settle().get(new.cid)
    assert first and again and again.sequence > first.sequence
    assert [hit.cid for hit in subject.store.search(new.embedding, 5)] == [new.cid]


def test_a_twin_of_a_deleted_vector_is_still_found(subject: Subject) -> None:
    (vector,) = vectors(1)
    one, other = record(vector, {"n": 1}), record(vector, {"n": 2})
    put(subject.store, one, other)
    subject.store.delete(one.cid)
    assert [hit.cid for hit in subject.settle().search(vector, 5)] == [other.cid]


def test_sequences_are_never_used_twice(subject: Subject) -> None:
    first, second = records(2)
    put(subject.store, first)
    used = subject.store.stats().last_sequence
    subject.store.delete(first.cid)
    put(subject.settle(), second)
    held = subject.store.get(second.cid)
    assert held is not None and held.sequence > used


def test_stored_at_comes_from_the_clock_of_the_node(subject: Subject) -> None:
    (new,) = records(1)
    put(subject.store, new)
    held = subject.settle().get(new.cid)
    assert held is not None
    assert subject.store.has([new.cid]) == {new.cid: held.stored_at}
    assert subject.store.search(new.embedding, 1)[0].stored_at == held.stored_at


def test_an_empty_put_is_answered(subject: Subject) -> None:
    assert put(subject.store) == []


def test_a_closed_store_says_so(subject: Subject) -> None:
    (new,) = records(1)
    put(subject.store, new)
    subject.store.close()
    subject.store.close()
    with pytest.raises(NotReady):
        put(subject.store, new)
    with pytest.raises(NotReady):
        subject.store.get(new.cid)
    with pytest.raises(NotReady):
        subject.store.search(new.embedding, 1)
    with pytest.raises(NotReady):
        subject.store.delete(new.cid)


def test_metadata_of_every_kind_is_filtered_like_the_rules_say(subject: Subject) -> None:
    values = [None, True, False, 0, 1, 1.5, "", "1", "abc", [], [1], [1, "a"], {}, {"b": 1}]
    held = [record(v, {"x": value}) for v, value in zip(vectors(14), values, strict=True)]
    held.append(record(vectors(15)[14], {}))
    put(subject.store, *held)
    store = subject.settle()
    for value in [*values, 1.0, [1.0], {"b": 1.0}, "zzz"]:
        for op in ("$eq", "$ne", "$in", "$nin"):
            operand = [value] if op in ("$in", "$nin") else value
            where = filter_of(x={op: operand})
            expected = {cid for cid, _ in exact_search(held, held[0].embedding, 100, where)}
            found = {hit.cid for hit in store.search(held[0].embedding, 100, where)}
            assert found == expected, (op, value)


def test_a_cid_that_was_put_is_the_cid_of_its_bytes(subject: Subject) -> None:
    for one in records(3):
        put(subject.store, one)
        held = subject.settle().get(one.cid)
        assert held is not None
        assert generate_cid(held.embedding, held.metadata) == one.cid

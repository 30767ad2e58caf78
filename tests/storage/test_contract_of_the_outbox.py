"""Who is still to be sent which record: queued with it, gone with it, in order of CID."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engram.errors import InvalidCid, RefusedHere
from engram.storage import EmbeddedStore, NewRecord, Stored, VectorStore
from tests.storage.contract_subjects import Subject
from tests.storage.records_for_tests import put, record, records, vectors

FAR = 2**63 - 1  # the largest seat
HELD = records(9)
CIDS = sorted(one.cid for one in HELD)
UNKNOWN = record(vectors(1, seed=9)[0]).cid


def for_seats(one: NewRecord, *seats: int) -> NewRecord:
    return replace(one, deliver_to=seats)


def queued(store: VectorStore, seat: int) -> list[str]:
    """Everything that waits for a seat, read in pages of two; the counts must agree."""
    found: list[str] = []
    while page := store.outbox(seat, 2, found[-1] if found else None):
        assert len(page) <= 2
        found += [delivery.cid for delivery in page]
    assert store.waiting().get(seat, 0) == len(found)
    return found


def test_deliveries_come_with_the_record(subject: Subject) -> None:
    put(subject.store, for_seats(HELD[0], 3, FAR), HELD[1], for_seats(HELD[2], 3))
    store = subject.settle()
    assert queued(store, 3) == sorted([HELD[0].cid, HELD[2].cid])
    assert queued(store, FAR) == [HELD[0].cid]
    assert store.waiting() == {3: 2, FAR: 1}


def test_a_duplicate_is_queued_too(subject: Subject) -> None:
    put(subject.store, HELD[0], for_seats(HELD[1], 3))
    again = [for_seats(HELD[0], 3), for_seats(HELD[1], 3, 4), for_seats(HELD[1], 4)]
    assert put(subject.settle(), *again) == [Stored(one.cid, True) for one in again]
    assert queued(subject.settle(), 3) == sorted([HELD[0].cid, HELD[1].cid])
    assert queued(subject.store, 4) == [HELD[1].cid]


def test_what_is_refused_is_sent_to_nobody(subject: Subject) -> None:
    subject.store.delete(HELD[0].cid)
    (outcome,) = put(subject.store, for_seats(HELD[0], 3))
    assert isinstance(outcome, RefusedHere)
    assert subject.settle().waiting() == {}
    assert subject.store.enqueue([(3, HELD[0].cid)]) == 0


def test_enqueue_counts_what_is_new_and_passes_over_what_is_not_held(subject: Subject) -> None:
    put(subject.store, *HELD, for_seats(HELD[0], 7))
    pairs = [(7, HELD[0].cid), (7, HELD[1].cid), (8, HELD[0].cid), (8, UNKNOWN), (8, HELD[0].cid)]
    assert subject.store.enqueue(pairs) == 2
    assert subject.settle().enqueue(pairs) == 0
    assert subject.store.enqueue([]) == 0
    assert subject.store.waiting() == {7: 2, 8: 1}


def test_a_page_ends_where_the_next_begins(subject: Subject) -> None:
    put(subject.store, *HELD)
    subject.store.enqueue([(5, one.cid) for one in HELD])
    store = subject.settle()
    assert queued(store, 5) == CIDS
    for limit in (1, 4, 9, 50):
        assert [delivery.cid for delivery in store.outbox(5, limit)] == CIDS[:limit]
    assert [delivery.cid for delivery in store.outbox(5, 3, CIDS[3])] == CIDS[4:7]
    assert [delivery.cid for delivery in store.outbox(5, 3, "v1::" + "0" * 64)] == CIDS[:3]
    assert store.outbox(5, 3, CIDS[-1]) == []
    assert store.outbox(6, 3) == []


def test_a_delivery_keeps_the_time_of_its_first_queueing(subject: Subject) -> None:
    put(subject.store, for_seats(HELD[0], 5))
    (first,) = subject.store.outbox(5, 9)
    assert first.queued_at > 0
    subject.store.enqueue([(5, HELD[0].cid)])
    put(subject.store, for_seats(HELD[0], 5))
    assert subject.settle().outbox(5, 9) == [first]


def test_what_is_delivered_is_off_the_outbox_of_its_seat_only(subject: Subject) -> None:
    put(subject.store, *(for_seats(one, 5, 6) for one in HELD))
    subject.store.delivered(5, [CIDS[0], CIDS[4], CIDS[0], UNKNOWN])
    subject.settle().delivered(7, CIDS)
    assert queued(subject.settle(), 5) == [*CIDS[1:4], *CIDS[5:]]
    assert queued(subject.store, 6) == CIDS
    subject.store.delivered(6, CIDS)
    assert subject.settle().waiting() == {5: 7}
    assert subject.store.stats().records == 9


def test_a_seat_is_dropped_whole(subject: Subject) -> None:
    put(subject.store, *(for_seats(one, 5, 6, 7) for one in HELD))
    assert subject.store.drop_seats([5, 7, 99]) == 18
    assert subject.settle().waiting() == {6: 9}
    assert subject.store.drop_seats([5]) == 0
    assert subject.store.drop_seats([]) == 0


@pytest.mark.parametrize("way", ["delete", "forget"])
def test_a_record_that_goes_takes_its_deliveries_along(subject: Subject, way: str) -> None:
    put(subject.store, *(for_seats(one, 5, 6) for one in HELD))
    store = subject.settle()
    assert store.delete(CIDS[2]) if way == "delete" else store.forget([CIDS[2]])
    for seat in (5, 6):
        assert queued(subject.settle(), seat) == [*CIDS[:2], *CIDS[3:]]
    if way == "delete":
        assert subject.store.undelete(CIDS[2])
    put(subject.store, *HELD)
    assert subject.settle().waiting() == {5: 8, 6: 8}


def test_malformed_cids_are_refused(store: EmbeddedStore) -> None:
    put(store, for_seats(HELD[0], 5))
    with pytest.raises(InvalidCid):
        store.enqueue([(5, HELD[0].cid), (5, "v1::x")])
    with pytest.raises(InvalidCid):
        store.delivered(5, [HELD[0].cid, ""])
    with pytest.raises(InvalidCid):
        store.outbox(5, 1, "v2::" + "0" * 64)
    assert store.waiting() == {5: 1}

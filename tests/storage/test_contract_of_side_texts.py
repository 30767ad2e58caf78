"""Texts beside records, which the CID does not cover: the first that was checked stays."""

from __future__ import annotations

import itertools

import pytest

from engram.core.embedding import from_numbers
from engram.storage import NewRecord, Record, Stored, VectorStore
from tests.storage.contract_subjects import Subject
from tests.storage.records_for_tests import put, record, vectors

(VECTOR,) = vectors(1)
BARE = record(VECTOR)


def beside(text: str, verified: bool = True) -> NewRecord:
    """The bare record again, with a text."""
    return NewRecord(BARE.cid, BARE.embedding, BARE.metadata, text, text_verified=verified)


def served(store: VectorStore) -> tuple[str | None, bool]:
    """The record's text, the same wherever it is read, and whether nothing is kept back."""
    found = store.get(BARE.cid)
    assert isinstance(found, Record)
    texts = {
        found.text,
        store.search(VECTOR, 1)[0].text,
        store.list(1).records[0].text,
        next(iter(store.scan())).text,
    }
    assert texts == {found.text}
    assert store.list(1).records[0].text_verified is found.text_verified
    return found.text, found.text_verified


def test_side_text_is_served_unless_metadata_has_its_own(subject: Subject) -> None:
    side, own, number = vectors(3)
    put(
        subject.store,
        record(side, {}, text="beside"),
        record(own, {"text": "own"}, text="beside"),
        record(number, {"text": 5}, text="beside"),
    )
    store = subject.settle()
    served = [store.search(vector, 1)[0].text for vector in (side, own, number)]
    assert served == ["beside", "own", None]
    assert [one.text for one in store.list(3).records] == served


def test_side_text_that_comes_later_is_kept_once(subject: Subject) -> None:
    (vector,) = vectors(1)
    bare = record(vector)
    put(subject.store, bare)
    put(subject.store, record(vector, text="first"))
    put(subject.settle(), record(vector, text="second"))
    held = subject.settle().get(bare.cid)
    assert held is not None and held.text == "first"


def test_a_text_that_nobody_checked_is_kept_back(subject: Subject) -> None:
    put(subject.store, beside("poison", verified=False))
    assert served(subject.settle()) == (None, False)


def test_a_record_without_a_text_keeps_nothing_back(subject: Subject) -> None:
    put(subject.store, BARE)
    assert served(subject.settle()) == (None, True)


def test_every_order_of_three_texts_ends_with_the_first_checked_one(subject: Subject) -> None:
    offers = [beside("poison", verified=False), beside("first"), beside("second"), BARE]
    for order in itertools.permutations(offers):
        subject.store.forget([BARE.cid])
        for offer in order:
            put(subject.store, offer)
        checked = [offer.text for offer in order if offer.text and offer.text_verified]
        assert served(subject.settle()) == (checked[0], True)


@pytest.mark.parametrize("verified", [True, False])
def test_a_text_that_comes_in_the_same_batch_counts(subject: Subject, verified: bool) -> None:
    outcomes = put(subject.store, BARE, beside("late", verified), beside("later", verified))
    assert outcomes == [Stored(BARE.cid, False), *[Stored(BARE.cid, True)] * 2]
    assert served(subject.settle()) == (("late", True) if verified else (None, False))


def test_a_checked_text_is_seen_at_once(subject: Subject) -> None:
    put(subject.store, beside("poison", verified=False))
    store = subject.settle()
    put(store, beside("true"))
    assert served(store) == ("true", True)
    put(store, beside("poison again", verified=False))
    assert served(subject.settle()) == ("true", True)


def test_metadata_that_has_a_text_keeps_none_beside_it(subject: Subject) -> None:
    for number, own in enumerate(["own", 5, None]):
        metadata = {"text": own}
        vector = from_numbers(VECTOR * (number + 2))
        cid = record(vector, metadata).cid
        for verified in (False, True):
            put(
                subject.store,
                NewRecord(cid, vector, metadata, "beside", text_verified=verified),
            )
            found = subject.settle().get(cid)
            assert found is not None
            assert found.text == (own if isinstance(own, str) else None)
            assert found.text_verified


def test_a_forgotten_record_takes_its_texts_along(subject: Subject) -> None:
    put(subject.store, beside("poison", verified=False))
    subject.store.forget([BARE.cid])
    put(subject.settle(), BARE)
    assert served(subject.settle()) == (None, True)

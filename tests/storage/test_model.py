"""The store against a dictionary and brute force: the same random operations, the same answers."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engram.core import parse_cid
from engram.core.where import parse_where
from engram.errors import RefusedHere
from engram.storage import EmbeddedStore, NewRecord, Stored, open_store, search
from tests.storage.records_for_tests import TINY, exact_search, put, record, vectors

POOL = vectors(48, seed=3)  # few vectors, so that many records share one
METADATA = st.fixed_dictionaries(
    {},
    optional={
        "n": st.integers(0, 5) | st.floats(-2, 2, width=16),
        "s": st.sampled_from(["a", "b", "prefix-1", "prefix-2", "prefix-10", ""]),
        "x": st.sampled_from([None, True, [1], {"k": 1}]),
    },
)
SEATS = st.integers(1, 4)
RECORDS = st.builds(
    lambda n, metadata, text, verified, seats: replace(
        record(POOL[n], metadata, text), text_verified=verified, deliver_to=tuple(seats)
    ),
    st.integers(0, 47),
    METADATA,
    st.sampled_from([None, "one", "two"]),
    st.booleans(),
    st.lists(SEATS, max_size=3),
)
QUERIES = [*vectors(6, seed=4), *POOL[:4]]
ORDERED = st.sampled_from(["$gt", "$gte", "$lt", "$lte"])
OPERANDS = st.sampled_from([1, 1.0, "a", "prefix-10", True, [1], None])
COMPARISONS = st.one_of(
    st.tuples(ORDERED, st.sampled_from([1, 0.5, "prefix-1", "b"])),
    st.tuples(st.sampled_from(["$eq", "$ne"]), OPERANDS),
    st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(OPERANDS, max_size=3)),
    st.tuples(st.just("$exists"), st.booleans()),
)
FIELDS = st.tuples(st.sampled_from(["n", "s", "x", "absent"]), COMPARISONS).map(
    lambda field: {field[0]: {field[1][0]: field[1][1]}}
)
CLAUSES: st.SearchStrategy[dict[str, Any]] = st.recursive(
    FIELDS,
    lambda inside: st.one_of(
        st.builds(lambda a, b: {"$and": [a, b]}, inside, inside),
        st.builds(lambda a, b: {"$or": [a, b]}, inside, inside),
        st.builds(lambda a: {"$not": a}, inside),
    ),
    max_leaves=4,
)


class Model(RuleBasedStateMachine):
    """A dictionary beside the store; every rule does the same to both and compares."""

    @initialize(scan_rows=st.sampled_from([0, search.SCAN_ROWS]))
    def start(self, scan_rows: int) -> None:
        """Without scans, filters of every width go through HNSW."""
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(search, "SCAN_ROWS", scan_rows)
        self.folder = Path(tempfile.mkdtemp())
        self.store: EmbeddedStore = open_store(self.folder, TINY)
        self.held: dict[str, NewRecord] = {}
        self.texts: dict[str, str] = {}  # side texts that were checked
        self.queued: set[tuple[int, str]] = set()
        self.deleted: set[str] = set()

    @rule(batch=st.lists(RECORDS, min_size=1, max_size=12))
    def put_some(self, batch: list[NewRecord]) -> None:
        assert self.store.wait_for_room(timeout=60)
        for one, outcome in zip(batch, put(self.store, *batch), strict=True):
            if one.cid in self.deleted:
                assert isinstance(outcome, RefusedHere)
            else:
                assert outcome == Stored(one.cid, one.cid in self.held)
                self.note(one)

    def note(self, one: NewRecord) -> None:
        self.held[one.cid] = one
        self.queued |= {(seat, one.cid) for seat in one.deliver_to}
        if one.text is not None and one.text_verified:
            self.texts.setdefault(one.cid, one.text)

    def drop(self, cids: Iterable[str]) -> None:
        for cid in cids:
            self.held.pop(cid, None)
            self.texts.pop(cid, None)
        self.queued = {pair for pair in self.queued if pair[1] in self.held}

    @rule(data=st.data())
    def delete_one(self, data: st.DataObject) -> None:
        cid = self.any_cid(data)
        assert self.store.delete(cid) is (cid in self.held)
        self.drop([cid])
        self.deleted.add(cid)

    @rule(data=st.data())
    def forget_some(self, data: st.DataObject) -> None:
        cids = data.draw(st.sets(st.sampled_from([*sorted(self.held), "v1::" + "0" * 64])))
        assert self.store.forget(sorted(cids)) == len(cids & self.held.keys())
        self.drop(cids)

    @rule(data=st.data())
    def enqueue_some(self, data: st.DataObject) -> None:
        known = st.sampled_from([*sorted(self.held), "v1::" + "0" * 64])
        pairs = data.draw(st.lists(st.tuples(SEATS, known), max_size=12))
        new = {pair for pair in pairs if pair[1] in self.held} - self.queued
        assert self.store.enqueue(pairs) == len(new)
        self.queued |= new

    @rule(seat=SEATS, share=st.integers(1, 3))
    def deliver_some(self, seat: int, share: int) -> None:
        cids = sorted(cid for one, cid in self.queued if one == seat)[::share]
        self.store.delivered(seat, [*cids, "v1::" + "0" * 64])
        self.queued -= {(seat, cid) for cid in cids}

    @rule(seats=st.sets(SEATS, max_size=2))
    def drop_some_seats(self, seats: set[int]) -> None:
        gone = {pair for pair in self.queued if pair[0] in seats}
        assert self.store.drop_seats(sorted(seats)) == len(gone)
        self.queued -= gone

    @rule()
    def delete_half(self) -> None:
        for cid in sorted(self.held)[::2]:
            assert self.store.delete(cid)
            self.drop([cid])
            self.deleted.add(cid)

    @rule(data=st.data())
    def undelete_one(self, data: st.DataObject) -> None:
        cid = self.any_cid(data)
        assert self.store.undelete(cid) is (cid in self.deleted)
        self.deleted.discard(cid)

    @rule(query=st.integers(0, 9), top_k=st.integers(1, 40))
    def search(self, query: int, top_k: int) -> None:
        self.compare_search(query, top_k, None)

    @rule(clause=CLAUSES, query=st.integers(0, 9), top_k=st.integers(1, 40))
    def search_filtered(self, clause: dict[str, Any], query: int, top_k: int) -> None:
        self.compare_search(query, top_k, clause)

    @rule(clause=CLAUSES)
    def list_filtered(self, clause: dict[str, Any]) -> None:
        where = parse_where(clause)
        expected = {cid for cid, _ in exact_search(list(self.held.values()), POOL[0], 10**6, where)}
        assert {one.cid for one in self.store.list(10**6, None, where).records} == expected

    @rule()
    def drain(self) -> None:
        assert self.store.drain(timeout=60)

    @rule()
    def rebuild(self) -> None:
        self.store.rebuild()

    @rule(snapshot=st.booleans())
    def reopen(self, snapshot: bool) -> None:
        if snapshot:
            self.store.snapshot()
        self.store.close()
        self.store = open_store(self.folder, TINY)

    @rule()
    def check(self) -> None:
        report = self.store.fsck()
        assert report.ok, report

    @invariant()
    def counts_agree(self) -> None:
        stats = self.store.stats()
        assert stats.records == len(self.held)
        assert stats.deleted == len(self.deleted)
        assert stats.detail["healthy"], stats.detail

    @invariant()
    def the_outbox_agrees(self) -> None:
        assert self.store.waiting() == Counter(seat for seat, _ in self.queued)
        for seat in range(1, 5):
            expected = sorted(cid for one, cid in self.queued if one == seat)
            assert [delivery.cid for delivery in self.store.outbox(seat, 10**6)] == expected

    @invariant()
    def digests_agree(self) -> None:
        for found, cids in (
            (self.store.digests(), self.held),
            (self.store.refused(), self.deleted),
        ):
            assert found.tobytes() == b"".join(sorted(map(parse_cid, cids)))

    def compare_search(self, number: int, top_k: int, clause: dict[str, Any] | None) -> None:
        query = QUERIES[number]
        where = None if clause is None else parse_where(clause)
        expected = exact_search(list(self.held.values()), query, top_k, where)
        hits = self.store.search(query, top_k, where)
        note(f"{clause}: {len(hits)} of {len(expected)}")
        assert [hit.cid for hit in hits] == [cid for cid, _ in expected]
        assert all(hit.metadata == self.held[hit.cid].metadata for hit in hits)
        assert all(hit.text == self.texts.get(hit.cid) for hit in hits)

    def any_cid(self, data: st.DataObject) -> str:
        known = [*sorted(self.held), *sorted(self.deleted)]
        return data.draw(st.sampled_from([*known, "v1::" + "0" * 64]))

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)
            self.patch.undo()


TestModel = Model.TestCase
TestModel.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

"""A record deleted between choosing candidates and reading them: gone, and its place is filled."""

from __future__ import annotations

import pytest

from engram.storage.records import Records
from engram.storage.row import Row
from tests.storage.conftest import Open
from tests.storage.records_for_tests import exact_search, filter_of, put, records, vectors


@pytest.mark.parametrize("filtered", [False, True])
@pytest.mark.parametrize("drained", [False, True])
def test_the_next_best_takes_its_place(
    opened: Open, monkeypatch: pytest.MonkeyPatch, filtered: bool, drained: bool
) -> None:
    store, held = opened(), records(40)
    put(store, *held)
    assert not drained or store.drain(timeout=60)
    query, where = vectors(1, seed=6)[0], filter_of(parity="odd") if filtered else None
    best = [cid for cid, _ in exact_search(held, query, 3, where)]
    read = Records.rows

    def delete_then_read(self: Records, sequences: list[int]) -> dict[int, Row]:
        for cid in best:
            store.delete(cid)
        return read(self, sequences)

    monkeypatch.setattr(Records, "rows", delete_then_read)
    rest = [one for one in held if one.cid not in best]
    hits = store.search(query, 10, where)
    assert [hit.cid for hit in hits] == [cid for cid, _ in exact_search(rest, query, 10, where)]

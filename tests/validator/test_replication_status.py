"""HEALTHY, DEGRADED and LOST follow from the latest evidence, and are counted without a scan."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.validator.state import State, pool, replicas
from engram.validator.state.replicas import Replication, status

RECORDS, MINERS = 6, 4

evidence = st.tuples(st.integers(0, RECORDS - 1), st.integers(1, MINERS), st.booleans())


@pytest.mark.parametrize(
    ("confirmed", "members", "expected"),
    [
        (3, 64, Replication.HEALTHY),
        (2, 64, Replication.DEGRADED),
        (1, 3, Replication.DEGRADED),
        (0, 3, Replication.LOST),
        (2, 2, Replication.HEALTHY),
        (1, 2, Replication.DEGRADED),
        (1, 1, Replication.HEALTHY),
        (0, 0, Replication.LOST),
    ],
)
def test_all_that_can_be_is_healthy(confirmed: int, members: int, expected: Replication) -> None:
    assert status(confirmed, members) is expected


@settings(deadline=None, max_examples=40)
@given(st.lists(evidence, max_size=40), st.sets(st.integers(1, MINERS)))
def test_the_counts_are_those_of_a_plain_count(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, bool]], away: set[int]
) -> None:
    held: dict[int, set[int]] = {record: set() for record in range(RECORDS)}
    state = State(tmp_path_factory.mktemp("state"))
    try:
        with state.write() as tx:
            ids = [added(tx, record) for record in range(RECORDS)]
            tx.executemany(
                "INSERT OR IGNORE INTO miners (id, uid, hotkey, registered_at, suspended) "
                "VALUES (?, ?, 'h', 0, ?)",
                [(m, m, m in away) for m in range(1, MINERS + 1)],
            )
            for record, miner, holds in steps:
                replicas.confirm(tx, ids[record], miner, held=holds)
                (held[record].add if holds else held[record].discard)(miner)
        with state.read() as connection:
            found = replicas.totals(connection, MINERS)
        states = [status(len(miners - away), MINERS) for miners in held.values()]
        assert found == tuple(states.count(each) for each in Replication)
    finally:
        state.close()


def added(tx: sqlite3.Connection, record: int) -> int:
    made = pool.add_record(tx, f"v1::{record:064x}", b"", {}, None)
    assert made is not None
    return made


def test_a_miner_that_is_no_longer_assigned_is_forgotten(tmp_path: Path) -> None:
    state = State(tmp_path)
    with state.write() as tx:
        record = added(tx, 0)
        for miner in (1, 2, 3):
            replicas.confirm(tx, record, miner, held=True)
        replicas.keep_only(tx, {record: {2, 3, 4}})
    with state.read() as connection:
        assert replicas.totals(connection, 4) == (0, 1, 0)
        assert replicas.of_users_record(connection, f"v1::{0:064x}") == {2, 3}
    state.close()

"""HEALTHY, DEGRADED and LOST follow from the latest evidence, and are counted without a scan."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.validator.coverage import words
from engram.validator.state import State, holder_sets, pool, replicas
from engram.validator.state.replicas import Finding, Proof, Replication, status

RECORDS, MINERS = 6, 4

evidence = st.tuples(st.integers(0, RECORDS - 1), st.integers(1, MINERS), st.booleans())


@pytest.mark.parametrize(
    ("confirmed", "expected"),
    [
        (3, Replication.HEALTHY),
        (2, Replication.DEGRADED),
        (1, Replication.DEGRADED),
        (0, Replication.LOST),
    ],
)
def test_three_are_healthy(confirmed: int, expected: Replication) -> None:
    assert status(confirmed) is expected


@pytest.mark.parametrize(
    ("confirmed", "members", "expected"),
    [
        (3, 64, "HEALTHY: 3 of 3"),
        (2, 64, "DEGRADED: 2 of 3"),
        (2, 2, "DEGRADED: 2 of 2 possible"),
        (1, 2, "DEGRADED: 1 of 2 possible"),
        (1, 1, "DEGRADED: 1 of 1 possible"),
        (0, 1, "LOST: 0 of 1 possible"),
    ],
)
def test_fewer_than_three_members_are_said(confirmed: int, members: int, expected: str) -> None:
    assert words(confirmed, members) == expected


@settings(deadline=None, max_examples=40)
@given(st.lists(evidence, max_size=40), st.sets(st.integers(1, MINERS)))
def test_the_counts_are_those_of_a_plain_count(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, bool]], away: set[int]
) -> None:
    held: dict[int, set[int]] = {record: set() for record in range(RECORDS)}
    proved: dict[int, float] = {}
    state = State(tmp_path_factory.mktemp("state"))
    try:
        with state.write() as tx:
            ids = [added(tx, record) for record in range(RECORDS)]
            tx.executemany(
                "INSERT OR IGNORE INTO miners (id, uid, hotkey, registered_at, suspended) "
                "VALUES (?, ?, 'h', 0, ?)",
                [(m, m, m in away) for m in range(1, MINERS + 1)],
            )
            for at, (record, miner, holds) in enumerate(steps, 1):
                replicas.note(tx, Finding(ids[record], miner, holds, Proof.CHALLENGE, at))
                (held[record].add if holds else held[record].discard)(miner)
                if holds:
                    proved[ids[record]] = at
        with state.read() as connection:
            counted = replicas.counting(connection, range(1, MINERS + 1))
            assert counted == frozenset(range(1, MINERS + 1)) - away
            found = replicas.totals(connection, counted)
            latest = connection.execute(
                "SELECT id, proved_at FROM records WHERE proved_at IS NOT NULL"
            ).fetchall()
            listed = holder_sets.groups(connection)
        states = [status(len(miners - away)) for miners in held.values()]
        assert found == tuple(states.count(each) for each in Replication)
        assert {row["id"]: row["proved_at"] for row in latest} == proved
        assert sum(group.records for group in listed) == RECORDS
        assert all(group.records > 0 for group in listed)
    finally:
        state.close()


def added(tx: sqlite3.Connection, record: int) -> int:
    made = pool.add_record(tx, f"v1::{record:064x}", b"", {}, None)
    assert made is not None
    return made


def test_a_miner_that_is_no_longer_named_is_forgotten(tmp_path: Path) -> None:
    state = State(tmp_path)
    with state.write() as tx:
        record = added(tx, 0)
        for miner in (1, 2, 3):
            replicas.note(tx, Finding(record, miner, True, Proof.RECEIPT, 1.0))
        group = holder_sets.group_of(tx, record)
        gone = replicas.settle(
            tx, record, group, frozenset({2, 3, 4}), frozenset({1, 2, 3}), now=2.0
        )
    with state.read() as connection:
        assert gone == {1}
        assert replicas.totals(connection, frozenset({1, 2, 3, 4})) == (0, 1, 0)
        after = holder_sets.group_of(connection, record)
        assert after.holders == {2, 3}
        assert after.missing == {4}
        assert [row["miner"] for row in replicas.copies_of(connection, record)] == [2, 3]
    state.close()

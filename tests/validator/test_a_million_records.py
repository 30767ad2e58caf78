"""A million records in the books: a check writes a few rows, and nothing that is counted scans."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

import pytest

from engram.validator import coverage, mending, settling
from engram.validator.state import State, holder_sets, listing, receipts, replicas
from engram.validator.state.replicas import Finding, Proof
from tests.validator.world import World

NewWorld = Callable[..., World]
MINERS = 24

FILL = """
INSERT INTO {table}
WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {count})
SELECT {columns} FROM n
"""


def fill(tx: sqlite3.Connection, count: int) -> None:
    """Records of users with random CIDs, of which nothing is known yet."""
    tx.execute("INSERT INTO holder_sets VALUES (1000, '', '', 0, ?)", (count,))
    cid = "'v1::' || lower(hex(randomblob(32)))"
    columns = f"x, {cid}, NULL, 1000, NULL, 0, NULL"
    tx.execute(FILL.format(table="records", count=count, columns=columns))
    tx.execute(FILL.format(table="contents", count=count, columns="x, zeroblob(4), '{}'"))


def confirm_all(tx: sqlite3.Connection) -> None:
    """Every named miner holds everything that it is to hold, and signed for it."""
    tx.execute("UPDATE holder_sets SET holders = named")
    tx.execute(
        "INSERT INTO copies SELECT records.id, each.value, 1, 'page', 1.0, 10 FROM records "
        "JOIN holder_sets ON holder_sets.id = holder_set, json_each('[' || named || ']') AS each"
    )


async def filled(new_world: NewWorld, count: int) -> World:
    world = new_world(MINERS)
    await world.parts.follower.turn()
    with world.parts.state.write() as tx:
        fill(tx, count)
    while world.parts.settling.portion():
        pass
    with world.parts.state.write() as tx:
        confirm_all(tx)
    return world


@contextmanager
def counted_rows(state: State) -> Iterator[list[int]]:
    """Rows written by each transaction meanwhile."""
    rows: list[int] = []
    write = state.write

    @contextmanager
    def counting() -> Iterator[sqlite3.Connection]:
        with write() as tx:
            before = tx.total_changes
            yield tx
            rows.append(tx.total_changes - before)

    state.write = counting  # type: ignore[method-assign]
    try:
        yield rows
    finally:
        state.write = write  # type: ignore[method-assign]


def scans(connection: sqlite3.Connection, ask: Callable[[], object]) -> list[str]:
    """The tables of which ``ask`` reads every row, by SQLite's own plan of each statement."""
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    ask()
    connection.set_trace_callback(None)
    plans = [
        row["detail"]
        for statement in asked
        if statement.startswith("SELECT")
        for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")
    ]
    assert plans
    return [plan for plan in plans if plan.startswith(("SCAN records", "SCAN copies"))]


@pytest.mark.parametrize("count", [20_000, pytest.param(1_000_000, marks=pytest.mark.chaos)])
async def test_checks_counts_lists_and_changes(new_world: NewWorld, count: int) -> None:
    world = await filled(new_world, count)
    state, present = world.parts.state, world.parts.roster.present
    random = Random(3)
    checks_write_few_rows(state, [random.randint(1, count) for _ in range(50)])
    nothing_scans(world, random)
    with state.read() as connection:
        found = replicas.totals(connection, replicas.counting(connection, present))
        groups = len(holder_sets.groups(connection))
    assert sum(found) == count
    assert groups < 16 * MINERS**2  # what is read to count does not grow with the records
    a_change_goes_in_bounded_portions(world, count)


def checks_write_few_rows(state: State, records: list[int]) -> None:
    for record in records:
        with state.read() as connection:
            miner = min(holder_sets.group_of(connection, record).named)
        for held in (False, False, True):
            with counted_rows(state) as rows, state.write() as tx:
                replicas.note(tx, Finding(record, miner, held, Proof.CHALLENGE, 2.0))
            assert rows[0] <= 7


def nothing_scans(world: World, random: Random) -> None:
    miners = world.parts.roster.miners
    with world.parts.state.read() as connection:
        [cid] = [row["cid"] for row in connection.execute("SELECT cid FROM records LIMIT 1")]
        asks: list[Callable[[], object]] = [
            lambda: coverage.coverage(connection, miners),
            lambda: coverage.of_cid(connection, cid, miners),
            lambda: coverage.records(connection, miners, None, "30-5", 100),
            lambda: coverage.records(connection, miners, replicas.Replication.LOST, None, 100),
            lambda: receipts.drawn(connection, miners[0].id, 64, random),
            lambda: settling.portion_after(connection, 10_000)[0],
        ]
        for ask in asks:
            assert scans(connection, ask) == []
        pages = coverage.records(connection, miners, replicas.Replication.HEALTHY, None, 100)
        assert len(pages["records"]) == 100
    assert mending.A_TURN == 1_000
    assert listing.FIRST == (0, 0)


def a_change_goes_in_bounded_portions(world: World, count: int) -> None:
    """One miner falls silent: no transaction is larger than a portion, and the rest is the same."""
    state = world.parts.state
    with state.write() as tx:
        tx.execute("UPDATE miners SET suspended = 1 WHERE id = 2")
    with counted_rows(state) as rows:
        portions = 0
        while world.parts.settling.portion():
            portions += 1
    assert portions == -(-count // settling.PORTION)
    assert max(rows) <= 6 * settling.PORTION
    named = sum(rows) / count
    assert named < 1.0  # an eighth of the records has another holder, and each writes a few rows
    with state.read() as connection:
        listed = holder_sets.groups(connection)
    assert sum(group.records for group in listed) == count
    assert all(len(group.named) == 4 for group in listed if 2 in group.named)

"""The validator dies at any moment, and goes on where it was: every step is whole or not at all."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from engram.validator.state import State, pool, replicas
from engram.validator.state.database import read_only
from tests.validator.world import World

CHILD = """
import asyncio, sys
from pathlib import Path
from tests.validator.world import World

async def main():
    world = World(Path(sys.argv[1]), 3)
    print("open", flush=True)
    await world.placed()
    while True:
        await world.challenged()
        await world.scored()
        world.chain.head += 15
        await world.parts.weights.attempt()
        print("round", flush=True)

asyncio.run(main())
"""


def run_and_kill(folder: Path, after_lines: int) -> None:
    """A validator in a process of its own that is killed after some lines of its output."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        text=True,
    )
    assert process.stdout is not None
    seen = 0
    for line in process.stdout:
        seen += line.strip() in ("open", "round")
        if seen > after_lines:
            break
    process.send_signal(signal.SIGKILL)
    process.stdout.close()
    process.wait()
    assert seen > after_lines


def whole(connection: sqlite3.Connection) -> None:
    """What must hold whenever somebody looks."""
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    lone = "SELECT count(*) FROM {} WHERE round NOT IN (SELECT id FROM rounds)"
    for table in ("samples", "probes", "checks", "scores"):
        assert connection.execute(lone.format(table)).fetchone()[0] == 0
    rounds = connection.execute("SELECT count(*) FROM rounds WHERE kind = 'scoring'").fetchone()[0]
    scores = connection.execute("SELECT count(DISTINCT round) FROM scores").fetchone()[0]
    assert rounds == scores
    pending = connection.execute("SELECT count(*) FROM weight_sets WHERE state = 'pending'")
    assert pending.fetchone()[0] <= 1
    counted = connection.execute("SELECT sum(records) FROM holder_sets").fetchone()[0] or 0
    assert counted == connection.execute("SELECT count(*) FROM records").fetchone()[0]


@pytest.mark.parametrize("rounds", [0, 3])
async def test_killed_and_started_again(tmp_path: Path, rounds: int) -> None:
    run_and_kill(tmp_path, rounds)
    with read_only(tmp_path) as connection:
        whole(connection)
        before = connection.execute("SELECT count(*) FROM rounds").fetchone()[0]
        records = connection.execute("SELECT count(*) FROM records").fetchone()[0]
    world = World(tmp_path, 3)
    try:
        if rounds:
            assert len(world.scores()) == 3  # the roster is known before the chain is asked
            assert all(score["average"] is not None for score in world.scores())
        for miner in world.miners:  # the simulated ones died too; real ones keep their records
            restock(world, miner.uid)
        await world.placed()
        await world.judged()
        assert len(world.rounds()) == before + 10
        assert all(score["composite"] > 0.9 for score in world.scores())
        with world.parts.state.read() as connection:
            whole(connection)
            now = connection.execute("SELECT count(*) FROM records").fetchone()[0]
            assert now >= records
    finally:
        world.close()


def restock(world: World, uid: int) -> None:
    """Give a simulated miner back what the validator knows that it took."""
    from engram.core.embedding import to_base64

    with world.parts.state.read() as connection:
        rows = connection.execute(
            "SELECT record FROM offers JOIN miners ON miners.id = miner "
            "WHERE uid = ? AND state = 'held'",
            (uid,),
        ).fetchall()
        posts = [pool.post_of(connection, row["record"]) for row in rows]
    from engram.core.embedding import from_bytes

    for embedding, metadata in posts:
        body = {"embedding_b64": to_base64(from_bytes(embedding)), "metadata": metadata}
        world.miners[uid].ingest(body)


def test_a_transaction_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    state = State(tmp_path)
    with pytest.raises(RuntimeError), state.write() as tx:
        assert pool.add_record(tx, f"v1::{0:064x}", b"", {}, None) is not None
        raise RuntimeError("the power fails here")
    with state.read() as connection:
        assert replicas.totals(connection, frozenset()) == (0, 0, 0)
        assert connection.execute("SELECT count(*) FROM records").fetchone()[0] == 0
    state.close()

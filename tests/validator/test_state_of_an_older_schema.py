"""What the first schema wrote is brought over: who confirmed what, what was offered, and probes."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from engram.validator.state import State, holder_sets, offers, pool, posts, replicas
from engram.validator.state.schema import MIGRATIONS


def written_by_the_first(folder: Path) -> None:
    """Two own records (one in a retired namespace, one offered), and one of a user."""
    connection = sqlite3.connect(folder / "validator.sqlite3")
    for statement in MIGRATIONS[0]:
        connection.execute(statement)
    connection.execute("PRAGMA user_version = 1")
    connection.executemany(
        "INSERT INTO miners (id, uid, hotkey, registered_at) VALUES (?, ?, ?, 1)",
        [(n, n, f"miner {n}") for n in (1, 2, 3)],
    )
    connection.execute("INSERT INTO namespaces VALUES (1, 'one', 'dated', 9, 1.0, NULL)")
    connection.executemany(
        "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)",
        [
            (1, cid(1), b"\1" * 1536, '{"text": "ours"}', 1, "1,2,3"),
            (2, cid(2), b"\2" * 1536, '{"text": "ours too"}', 1, ""),
            (3, cid(3), b"\3" * 1536, "{}", None, "2"),
        ],
    )
    connection.executemany(
        "INSERT INTO holder_sets VALUES (?, ?)", [("1,2,3", 1), ("", 1), ("2", 1)]
    )
    connection.executemany(
        "INSERT INTO offers (miner, record, state, placement) VALUES (?, ?, ?, ?)",
        [(1, 1, "held", 50), (2, 1, "refused", 60), (1, 2, "due", None)],
    )
    connection.execute("INSERT INTO rounds VALUES (1, 'scoring', 1.0, 1.0, 5, 1, '')")
    connection.execute("INSERT INTO probes VALUES (1, 1, 1, 'digest')")
    connection.commit()
    connection.close()


def cid(number: int) -> str:
    return f"v1::{number:064x}"


def test_it_opens_and_means_the_same(tmp_path: Path) -> None:
    written_by_the_first(tmp_path)
    state = State(tmp_path)
    try:
        with state.read() as connection:
            everybody = frozenset({1, 2, 3})
            assert replicas.totals(connection, everybody) == (1, 1, 1)
            assert replicas.totals(connection, everybody, own=False) == (0, 1, 0)
            assert holder_sets.group_of(connection, 1).holders == everybody
            evidence = [tuple(row) for row in replicas.copies_of(connection, 3)]
            assert evidence == [(2, 1, "earlier", None, None)]
            assert offers.answered_offers(connection, 61) == {1: {1}, 2: {1}}
            assert posts.due(connection, 0.0, 10) == [2]
            assert posts.before(connection, 61) == {1}
            assert pool.knows_text(connection, "ours too")
            assert pool.post_of(connection, 2) == (b"\2" * 1536, {"text": "ours too"})
            [known] = pool.records_by_id(connection, [3])
            assert (known.cid, known.namespace) == (cid(3), None)
            [probed] = connection.execute(
                "SELECT cid FROM probes JOIN records ON records.id = probes.record"
            )
            assert probed["cid"] == cid(1)
        with state.write() as tx:
            assert pool.add_record(tx, cid(9), b"", {}, None) == 4
            replicas.note(tx, replicas.Finding(3, 1, True, replicas.Proof.CHALLENGE, 9.0))
        with state.read() as connection:
            assert holder_sets.group_of(connection, 3).holders == {1, 2}
    finally:
        state.close()


def test_it_is_brought_over_once(tmp_path: Path) -> None:
    written_by_the_first(tmp_path)
    for _ in range(2):
        state = State(tmp_path)
        with state.read() as connection:
            (count,) = connection.execute("SELECT count(*) FROM records").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
        state.close()
        assert (count, version) == (3, len(MIGRATIONS))

"""A data directory of schema 1, and SIGKILL at each step of bringing it to the present one."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engram.errors import RefusedHere
from engram.storage import backup, database, export_records, fsck, open_store, restore
from engram.storage.database import MIGRATIONS
from tests.storage.records_for_tests import TINY, put, record, records, vectors

WRITTEN_BY_SCHEMA_1 = Path(__file__).with_name("schema_1.sqlite3")  # five records, a tombstone
HELD = [*records(5, seed=41)[:4], record(vectors(1, seed=42)[0], {}, text="beside")]
DELETED = records(5, seed=41)[4]
STEPS = range(len(MIGRATIONS[1]) + 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "old").mkdir()
    shutil.copyfile(WRITTEN_BY_SCHEMA_1, tmp_path / "old" / "records.sqlite3")
    return tmp_path / "old"


def schema(folder: Path) -> int:
    connection = sqlite3.connect(folder / "records.sqlite3")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    return int(version)


def assert_everything_is_there(folder: Path) -> None:
    """All that schema 1 held, and all that the present one can do with it."""
    store = open_store(folder, TINY)
    try:
        assert [one.cid for one in store.scan()] == [one.cid for one in HELD]
        assert all(one.stored_at == 1_700_000_000.0 and one.text_verified for one in store.scan())
        assert [one.text for one in store.scan()] == [None] * 4 + ["beside"]
        with pytest.raises(RefusedHere):
            store.get(DELETED.cid)
        assert store.waiting() == {}
        assert store.fsck().ok
        put(store, *(replace(one, deliver_to=(3, 4)) for one in HELD))
        assert store.forget([HELD[0].cid]) == 1
        assert store.waiting() == {3: 4, 4: 4}
        new = record(vectors(1, seed=43)[0])
        put(store, replace(new, text="poison", text_verified=False))
        held = store.get(new.cid)
        assert held is not None and not held.text_verified
        assert held.sequence == 7, "one number was used by what is deleted"
    finally:
        store.close()


def test_a_folder_of_schema_1_opens(folder: Path) -> None:
    assert schema(folder) == 1
    assert_everything_is_there(folder)
    assert schema(folder) == len(MIGRATIONS)


def test_looking_at_schema_1_changes_nothing(folder: Path, tmp_path: Path) -> None:
    before = WRITTEN_BY_SCHEMA_1.read_bytes()
    looking = open_store(folder, read_only=True)
    assert [one.cid for one in looking.scan()] == [one.cid for one in HELD]
    assert looking.get(HELD[4].cid) is not None
    assert export_records(looking, tmp_path / "out.jsonl").records == 5
    looking.close()
    assert schema(folder) == 1
    assert (folder / "records.sqlite3").read_bytes() == before


def test_a_backup_of_schema_1_is_restored(folder: Path, tmp_path: Path) -> None:
    assert backup(folder, tmp_path / "copy") == 5
    assert restore(tmp_path / "copy", tmp_path / "again") == 5
    assert_everything_is_there(tmp_path / "again")


def test_fsck_of_schema_1(folder: Path) -> None:
    assert fsck(folder, TINY).ok


@pytest.mark.parametrize("step", STEPS)
def test_killed_before_each_statement(folder: Path, step: int) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", f"from {__name__} import die; die({str(folder)!r}, {step})"],
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert dead.returncode == -signal.SIGKILL, dead.stderr
    assert_everything_is_there(folder)


def die(folder: str, step: int) -> None:
    """Runs in a process of its own, which a statement of the migration kills."""
    first, second = MIGRATIONS
    database.MIGRATIONS = (first, (*second[:step], "SELECT die()", *second[step:]))
    database.connect = deadly(database.connect)
    open_store(Path(folder), TINY)


def deadly(connect: Callable[..., sqlite3.Connection]) -> Callable[..., sqlite3.Connection]:
    def connect_deadly(path: Path, *, writable: bool) -> sqlite3.Connection:
        connection = connect(path, writable=writable)
        connection.create_function("die", 0, lambda: os.kill(os.getpid(), signal.SIGKILL))
        return connection

    return connect_deadly

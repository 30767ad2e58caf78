"""A database of a newer Engram, or of another program: refused, and left as it was."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from engram.errors import NotFound, StoreError, StoreTooNew
from engram.storage import fsck, open_store
from engram.storage.database import APPLICATION_ID, MIGRATIONS
from tests.storage.records_for_tests import TINY


def make(folder: Path, *statements: str) -> bytes:
    connection = sqlite3.connect(folder / "records.sqlite3")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return (folder / "records.sqlite3").read_bytes()


def open_either(folder: Path, read_only: bool) -> None:
    store = open_store(folder, read_only=True) if read_only else open_store(folder, TINY)
    store.close()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_schema(tmp_path: Path, read_only: bool) -> None:
    before = make(
        tmp_path,
        "CREATE TABLE records (x)",
        f"PRAGMA application_id = {APPLICATION_ID}",
        f"PRAGMA user_version = {len(MIGRATIONS) + 1}",
    )
    with pytest.raises(StoreTooNew, match="install a newer Engram"):
        open_either(tmp_path, read_only)
    with pytest.raises(StoreTooNew):
        fsck(tmp_path, TINY)
    assert (tmp_path / "records.sqlite3").read_bytes() == before


@pytest.mark.parametrize("read_only", [False, True])
def test_another_programs_database(tmp_path: Path, read_only: bool) -> None:
    before = make(tmp_path, "CREATE TABLE records (x)")
    with pytest.raises(StoreError, match="another program"):
        open_either(tmp_path, read_only)
    assert (tmp_path / "records.sqlite3").read_bytes() == before


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        open_store(tmp_path / "nowhere", read_only=True)
    assert not (tmp_path / "nowhere").exists()


def test_the_schema_version_counts_the_migrations(tmp_path: Path) -> None:
    open_store(tmp_path, TINY).close()
    connection = sqlite3.connect(tmp_path / "records.sqlite3")
    assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    connection.close()

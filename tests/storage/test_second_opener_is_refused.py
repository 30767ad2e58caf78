"""One process owns a data directory; the second is told who."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engram.errors import StoreLocked
from engram.storage import Holder, describe_holder, open_store
from engram.storage.lock import DirectoryLock
from tests.storage.conftest import Open
from tests.storage.records_for_tests import TINY, put, records

HOLD = """
import sys, pathlib
from engram.storage.lock import DirectoryLock
lock = DirectoryLock(pathlib.Path(sys.argv[1]))
lock.announce(url="http://127.0.0.1:1", operator_socket="/a/socket")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        yield child
        child.kill()


def test_the_error_names_the_process_and_its_address(
    holder: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    with pytest.raises(StoreLocked, match=rf"process {holder.pid}, serving at http://127.0.0.1:1;"):
        open_store(tmp_path, TINY)
    assert describe_holder(tmp_path) == Holder(holder.pid, "http://127.0.0.1:1", "/a/socket")
    assert not (tmp_path / "records.sqlite3").exists()


def test_a_killed_holder_holds_nothing(holder: subprocess.Popen[bytes], tmp_path: Path) -> None:
    holder.kill()
    holder.wait()
    assert describe_holder(tmp_path) is None
    open_store(tmp_path, TINY).close()


def test_the_same_process_may_not_open_twice(opened: Open, tmp_path: Path) -> None:
    store = opened()
    with pytest.raises(StoreLocked, match=str(os.getpid())):
        opened()
    (new,) = records(1)
    put(store, new)
    assert store.get(new.cid) is not None


def test_a_closed_store_can_be_opened_again(opened: Open, tmp_path: Path) -> None:
    opened().close()
    assert describe_holder(tmp_path / "store") is None
    opened()


def test_a_store_that_could_not_open_lets_go(tmp_path: Path) -> None:
    (tmp_path / "records.sqlite3").write_bytes(b"not a database, but long enough to be read" * 50)
    for _ in range(2):
        with pytest.raises(Exception, match="damaged"):
            open_store(tmp_path, TINY)
    assert describe_holder(tmp_path) is None


def test_asking_who_holds_it_does_not_take_it(tmp_path: Path) -> None:
    assert describe_holder(tmp_path / "nowhere") is None
    lock = DirectoryLock(tmp_path)
    assert describe_holder(tmp_path) == Holder(os.getpid())
    lock.release()


def test_reading_needs_no_lock(opened: Open, tmp_path: Path) -> None:
    store, held = opened(), records(3)
    put(store, *held)
    beside = open_store(tmp_path / "store", read_only=True)
    try:
        assert [one.cid for one in beside.scan()] == [one.cid for one in held]
        assert beside.get(held[1].cid) is not None
        assert beside.count() == 3
        more = records(2, seed=5)
        put(store, *more)
        assert set(beside.has([one.cid for one in more])) == {one.cid for one in more}
        assert len(beside.list(10).records) == 5
    finally:
        beside.close()

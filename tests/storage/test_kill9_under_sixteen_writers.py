"""SIGKILL at a random moment under sixteen writers: whatever was acknowledged is still true."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engram.errors import RefusedHere
from engram.storage import EmbeddedStore, NewRecord, open_store
from tests.storage.writing_child import (
    DELETE_EVERY,
    DELIVER_EVERY,
    FIRST_SEAT,
    SETTINGS,
    promised_record,
)

SEED = 20_261_122
SEARCHED_PER_ROUND = 150


@dataclass
class Promises:
    """What was acknowledged over all rounds."""

    stored: dict[str, NewRecord] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    delivered: set[str] = field(default_factory=set)

    def note(self, seed: int, lines: list[str]) -> list[NewRecord]:
        """The records that these lines acknowledge and do not delete."""
        fresh: dict[str, NewRecord] = {}
        for line in lines:
            what, writer, number = line.split()
            one = promised_record(seed, int(writer), int(number))
            if what == "put":
                fresh[one.cid] = one
            elif what == "delivered":
                self.delivered.add(one.cid)
            else:
                fresh.pop(one.cid)
                self.deleted.add(one.cid)
        # A delete may have reached the disk and not the pipe: then the last record of its writer
        # may be gone. Only such a record is left out.
        self.stored |= fresh
        return list(fresh.values())


def write_and_kill(folder: Path, seed: int, seconds: float) -> list[str]:
    """Complete lines that a writing process got out before it was killed."""
    command = [sys.executable, "-m", "tests.storage.writing_child", str(folder), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        killer = threading.Timer(seconds, child.kill)
        killer.start()
        rest = child.stdout.read()
        killer.join()
    assert child.returncode == -9, "the child must die by our hand only"
    return [line for line in (first + rest).decode().splitlines(keepends=True) if line[-1] == "\n"]


def unannounced_delete(one: NewRecord) -> bool:
    """A delete that was asked for; whether it was acknowledged is not known."""
    return int(one.metadata["number"]) % DELETE_EVERY == 0


def assert_kept(store: EmbeddedStore, promises: Promises, sample: list[NewRecord]) -> None:
    for cid, one in promises.stored.items():
        try:
            held = store.get(cid)
        except RefusedHere:
            assert unannounced_delete(one)
            continue
        assert held is not None, f"{one.metadata} was acknowledged and is lost"
        assert held.embedding.tobytes() == one.embedding.tobytes()
        assert held.metadata == one.metadata
    for cid in promises.deleted:
        with pytest.raises(RefusedHere):
            store.get(cid)
    for one in sample:
        if not unannounced_delete(one):
            assert store.search(one.embedding, 1)[0].cid == one.cid


def assert_queued(store: EmbeddedStore, promises: Promises) -> None:
    """Every acknowledged record waits for its seats, and nothing else waits."""
    queued = {seat: {one.cid for one in store.outbox(seat, 10**9)} for seat in store.waiting()}
    assert store.waiting() == {seat: len(cids) for seat, cids in queued.items()}
    waiting = set().union(*queued.values())
    assert store.has([*waiting]).keys() == waiting
    for cid, one in promises.stored.items():
        if not unannounced_delete(one):
            assert all(cid in queued[seat] for seat in one.deliver_to[1:])
            if int(one.metadata["number"]) % DELIVER_EVERY:
                assert cid in queued[FIRST_SEAT]
    assert not queued[FIRST_SEAT] & promises.delivered
    assert not waiting & promises.deleted


def rounds(folder: Path, count: int) -> None:
    dice, promises = random.Random(SEED), Promises()
    for seed in range(count):
        fresh = promises.note(seed, write_and_kill(folder, seed, dice.uniform(0.01, 0.5)))
        older = dice.sample(sorted(promises.stored), min(SEARCHED_PER_ROUND, len(promises.stored)))
        store = open_store(folder, SETTINGS)
        try:
            assert_kept(store, promises, [*fresh, *(promises.stored[cid] for cid in older)])
            assert_queued(store, promises)
        finally:
            store.close()
    store = open_store(folder, SETTINGS)
    assert store.fsck().ok
    store.close()
    assert len(promises.stored) > count * 16
    assert promises.deleted
    assert promises.delivered


@pytest.mark.slow
def test_twenty_rounds(tmp_path: Path) -> None:
    rounds(tmp_path / "store", 20)


@pytest.mark.chaos
@pytest.mark.timeout(3600)
def test_two_hundred_rounds(tmp_path: Path) -> None:
    rounds(tmp_path / "store", 200)

"""What replication asks of the store, through its asyncio face, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, get_ident

import numpy as np
import pytest

from engram.errors import Overloaded
from engram.miner import store as miner_store
from engram.miner.landing import Landing
from engram.miner.replication.interface import Shelf
from engram.miner.store import MinerStore
from engram.storage import VectorStore, open_store
from tests.miner.memory_store import MemoryStore
from tests.storage.records_for_tests import TINY, records

HELD = [replace(one, deliver_to=(5, 6)) for one in records(12)]
CIDS = sorted(one.cid for one in HELD)
STORES: dict[str, Callable[[Path], VectorStore]] = {
    "embedded": lambda folder: open_store(folder, TINY),
    "memory": lambda folder: MemoryStore(),
}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorStore]:
    opened = STORES[request.param](tmp_path)
    yield opened
    opened.close()


def shelf_of(store: VectorStore, deadline_s: float = 30) -> MinerStore:
    return MinerStore(store, deadline_s, Landing(asyncio.get_running_loop()))


async def test_everything_that_replication_asks(store: VectorStore) -> None:
    shelf: Shelf = shelf_of(store)
    assert not any(isinstance(outcome, Exception) for outcome in await shelf.put(HELD))
    assert await shelf.waiting() == {5: 12, 6: 12}
    assert [one.cid for one in await shelf.outbox(5, 4)] == CIDS[:4]
    assert [one.cid for one in await shelf.outbox(5, 4, CIDS[3])] == CIDS[4:8]
    await shelf.delivered(5, CIDS[:4])
    assert await shelf.enqueue([(5, CIDS[0]), (5, CIDS[11]), (7, CIDS[0])]) == 2
    assert await shelf.waiting() == {5: 9, 6: 12, 7: 1}
    assert await shelf.drop_seats([6, 7]) == 13
    assert await shelf.forget([CIDS[0], CIDS[1]]) == 2
    assert set(await shelf.has(CIDS)) == set(CIDS[2:])
    assert await shelf.get(CIDS[0]) is None
    assert len(await shelf.digests()) == 10
    store.delete(CIDS[2])
    refused = await shelf.refused()
    assert refused.dtype == np.uint8
    assert refused.tobytes().hex() == CIDS[2].removeprefix("v1::")
    assert await shelf.waiting() == {5: 8}


@pytest.mark.parametrize("at_once", [1, 5, 100])
async def test_much_is_asked_in_parts(
    store: VectorStore, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(miner_store, "AT_ONCE", at_once)
    shelf = shelf_of(store)
    await shelf.put([replace(one, deliver_to=()) for one in HELD])
    assert await shelf.enqueue([(seat, cid) for seat in (5, 6) for cid in CIDS]) == 24
    await shelf.delivered(5, CIDS)
    assert await shelf.waiting() == {6: 12}
    assert await shelf.forget(CIDS) == 12
    assert await shelf.enqueue([]) == await shelf.forget([]) == 0


class Stuck(MemoryStore):
    """A disk that does not answer."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = Event()
        self.asked_by: set[int] = set()

    def delivered(self, seat: int, cids: object) -> None:
        self.asked_by.add(get_ident())
        self.answers.wait(30)


async def test_a_disk_that_does_not_answer_holds_up_neither_loop_nor_reads() -> None:
    store = Stuck()
    shelf = shelf_of(store, deadline_s=0.05)
    await shelf.put(HELD)
    waits = [asyncio.ensure_future(shelf.delivered(5, CIDS)) for _ in range(8)]
    assert (await shelf.get(CIDS[0])) is not None
    for outcome in await asyncio.gather(*waits, return_exceptions=True):
        assert isinstance(outcome, Overloaded)
    assert get_ident() not in store.asked_by
    store.answers.set()
    shelf.close()

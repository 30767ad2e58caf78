"""Everything that waits is bounded: what does not fit gets 503 with Retry-After, at once."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest

from engram.errors import Overloaded, RefusedHere, StorageFull
from engram.miner import store as store_module
from engram.miner.gather import Gatherer
from engram.miner.landing import Landing
from engram.miner.lane import Lane
from engram.storage.interface import NewRecord, Stored
from tests.miner.harness import Answer, Served, served
from tests.miner.memory_store import MemoryStore

VECTOR = [0.5] * 384
RECORD = {"raw_embedding": VECTOR}


def is_overloaded(answer: Answer) -> bool:
    return answer.is_error(503, "overloaded") and int(answer.headers["Retry-After"]) >= 1


async def test_records_that_wait_for_the_disk(
    miner: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "MAX_UNCOMMITTED", 2)
    miner.store.held_back = []
    waiting = [asyncio.create_task(miner.post("/IngestSynapse", RECORD)) for _ in range(2)]
    async with asyncio.timeout(10):
        while miner.node.store.uncommitted < 2:  # noqa: ASYNC110 - they come through a socket
            await asyncio.sleep(0)

    assert is_overloaded(await miner.post("/IngestSynapse", RECORD))
    assert (await miner.post("/QuerySynapse", {"query_vector": VECTOR})).status == 200

    miner.store.release()
    replies = [(await task).json for task in waiting]
    assert sorted(reply["duplicate"] for reply in replies) == [False, True]
    assert (await miner.post("/IngestSynapse", RECORD)).status == 200


async def test_a_disk_that_never_answers() -> None:
    async with served(request_deadline_s=0.05) as miner:
        miner.store.held_back = []
        assert is_overloaded(await miner.post("/IngestSynapse", RECORD))
        miner.store.release()  # too late, and nobody is there: it must not hurt
        assert (await miner.post("/IngestSynapse", RECORD)).json["duplicate"] is True


async def test_each_request_of_one_turn_gets_its_own_outcomes() -> None:
    store = MemoryStore()
    store.tombstones.add("v1::refused")
    gatherer = Gatherer(store, 10, Landing(asyncio.get_running_loop()))
    vector = np.full(384, 0.5, dtype=np.float32)
    new = {cid: NewRecord(cid, vector, {}) for cid in ("v1::a", "v1::b", "v1::refused")}
    alone, nothing, pair = await asyncio.gather(
        gatherer.put([new["v1::a"]]),
        gatherer.put([]),
        gatherer.put([new["v1::refused"], new["v1::b"]]),
    )
    assert store.submits == [3]
    assert alone == [Stored("v1::a", False)]
    assert nothing == []
    assert isinstance(pair[0], RefusedHere)
    assert pair[1] == Stored("v1::b", False)


async def test_a_full_disk_does_not_stop_reads(miner: Served) -> None:
    cid = (await miner.post("/IngestSynapse", RECORD)).json["cid"]
    miner.store.failure = StorageFull("The data directory is full; reads go on.", retry_after=60)
    refused = await miner.post("/IngestSynapse", RECORD)
    assert refused.is_error(503, "storage_full")
    assert refused.headers["Retry-After"] == "60"
    found = (await miner.post("/QuerySynapse", {"query_vector": VECTOR})).json["results"]
    assert [hit["cid"] for hit in found] == [cid]
    assert (await miner.get(f"/retrieve/{cid}")).status == 200


async def test_a_lane_takes_so_many_calls_and_no_more() -> None:
    landing = Landing(asyncio.get_running_loop())
    lane = Lane("test", threads=1, waiting=2, deadline_s=10, landing=landing)
    gate = threading.Event()
    calls = [asyncio.create_task(lane.run(gate.wait)) for _ in range(3)]
    await asyncio.sleep(0)
    assert lane.in_flight == 3
    with pytest.raises(Overloaded):
        await lane.run(gate.wait)
    gate.set()
    await asyncio.gather(*calls)
    lane.close()
    assert lane.in_flight == 0


async def test_one_wake_up_lands_many_results(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    landing = Landing(loop)
    futures: list[Future[int]] = [Future() for _ in range(100)]
    waiting = [asyncio.create_task(landing.wait(future, 10)) for future in futures]
    await asyncio.sleep(0)
    rung: list[object] = []
    ring = loop.call_soon_threadsafe

    def counted(call: Any) -> object:
        rung.append(call)
        return ring(call)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    for number, future in enumerate(futures):
        future.set_result(number)
    assert await asyncio.gather(*waiting) == list(range(100))
    assert len(rung) == 1


async def test_an_error_lands_as_itself() -> None:
    landing = Landing(asyncio.get_running_loop())
    future: Future[int] = Future()
    threading.Timer(0, future.set_exception, [StorageFull("The disk is full.")]).start()
    with pytest.raises(StorageFull):
        await landing.wait(future, 10)

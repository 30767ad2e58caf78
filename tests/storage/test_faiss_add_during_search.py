"""FAISS crashes when one thread adds while another searches: the lock must never let it."""

from __future__ import annotations

import faulthandler
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from engram.config import StoreSettings
from tests.storage.conftest import Open
from tests.storage.records_for_tests import clustered, filter_of, put, record

SECONDS = 3.0
SETTINGS = StoreSettings(hnsw_m=8, ef_construction=40, ef_search=64, snapshot_every=400)


@pytest.mark.slow
def test_hammering_from_all_sides(opened: Open) -> None:
    faulthandler.enable()
    store, pool = opened(SETTINGS), clustered(4_000)
    held = [record(vector, {"n": n % 4}) for n, vector in enumerate(pool)]
    put(store, *held[:200])
    stop = time.monotonic() + SECONDS
    counts = {"put": 200, "searched": 0, "deleted": 0}

    def until_stopped(act: Callable[[int], None]) -> None:
        turn = 0
        while time.monotonic() < stop:
            act(turn)
            turn += 1

    def write(turn: int) -> None:
        start = 200 + turn * 20
        if start < len(held) and store.wait_for_room(timeout=5):
            put(store, *held[start : start + 20])
            counts["put"] = start + 20

    def search(turn: int) -> None:
        where = filter_of(n=turn % 4) if turn % 2 else None
        hits = store.search(pool[turn % 200], 10, where)
        assert len(hits) == 10
        assert [hit.score for hit in hits] == sorted((h.score for h in hits), reverse=True)
        counts["searched"] += 1

    def delete(turn: int) -> None:
        victim = held[(turn * 3) % 150]
        store.delete(victim.cid)
        assert victim.cid not in {hit.cid for hit in store.search(victim.embedding, 20)}
        counts["deleted"] += 1
        time.sleep(0.005)

    acts: list[Callable[[int], None]] = [write, search, search, search, delete]
    with ThreadPoolExecutor(len(acts) + 1) as threads:
        running = [threads.submit(until_stopped, act) for act in acts]
        running.append(threads.submit(until_stopped, lambda _: store.snapshot()))
        for one in running:
            one.result()
    assert counts["put"] > 400 and counts["searched"] > 100 and counts["deleted"] > 10
    assert store.drain(timeout=60)
    assert store.stats().detail["healthy"]
    assert store.fsck().ok

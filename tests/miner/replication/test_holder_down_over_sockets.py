"""One of three real miners is stopped while records come in, one by one and in batches."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from tests.miner.network import Miner, network

PATIENCE_S = 60.0  # only how long something broken may hang before the test fails
NEVER = 36_000.0  # the outbox alone is looked at here


def wait_until_held(miner: Miner, cids: set[str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while len(miner.store.has([*cids])) < len(cids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


async def test_it_is_not_counted_then_demanded_in_vain_then_made_good(tmp_path: Path) -> None:
    settings = {"compare_every_s": NEVER, "sweep_every_s": NEVER, "absent_after_s": NEVER}
    async with network(tmp_path, 3, **settings) as net:
        first, second, third = net.miners
        await third.stop()
        alone = await first.post("/IngestSynapse", {"text": "one"})
        assert alone.json["replicas"]["acknowledged"] == 2
        assert {each["hotkey"] for each in alone.json["replicas"]["receipts"]} == {
            first.hotkey,
            second.hotkey,
        }
        modest = {"text": "two", "min_replicas": 2}
        demanding = {"text": "three", "min_replicas": 3}
        batch = await first.post("/batch/ingest", {"items": [modest, demanding]})
        enough, too_few = batch.json["outcomes"]
        assert enough["replicas"]["acknowledged"] == 2
        assert (too_few["code"], too_few["replicas"]["acknowledged"]) == ("too_few_replicas", 2)
        single = await first.post("/IngestSynapse", demanding)
        assert single.status == 503
        assert int(single.headers["Retry-After"]) > 0
        assert single.json["cid"] == too_few["cid"]

        await third.start()
        cids = {alone.json["cid"], enough["cid"], too_few["cid"]}
        await asyncio.to_thread(wait_until_held, third, cids)
        again = await first.post("/IngestSynapse", demanding)
        assert again.json["replicas"]["acknowledged"] == 3


async def test_a_node_without_a_chain_has_one_copy_and_says_so(tmp_path: Path) -> None:
    async with network(tmp_path, 3) as net:
        net.place([])
        lonely = await net.miners[0].post("/IngestSynapse", {"text": "one"})
        assert lonely.json["replicas"] == {"required": 1, "acknowledged": 1, "receipts": []}
        two = await net.miners[0].post("/IngestSynapse", {"text": "one", "min_replicas": 2})
        assert (two.status, two.json["code"]) == (503, "too_few_replicas")

"""SIGTERM while sixteen connections write: exit code 0, and nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.miner.live import LiveMiner
from tests.miner.witness import assert_identical, assert_searchable
from tests.miner.writers import Ledger, write_until_gone


async def test_it_drains_and_stops(tmp_path: Path) -> None:
    miner = LiveMiner(tmp_path / "records")
    ledger = Ledger()
    with miner:
        writing = asyncio.create_task(write_until_gone(miner.url, ledger, seed=1))
        while len(ledger.acknowledged) < 200:  # noqa: ASYNC110 - another process fills it
            await asyncio.sleep(0.01)
        assert await asyncio.to_thread(miner.stop) == 0
        await writing
    assert {refusal.status for refusal in ledger.refused} <= {503}
    assert not (miner.data_dir / "operator.sock").exists()

    with miner:
        await assert_identical(miner.url, ledger.acknowledged)
        await assert_searchable(miner.url, ledger.acknowledged, list(ledger.acknowledged)[-100:])
        assert miner.stop() == 0


async def test_it_stops_while_clients_only_keep_connections_open(tmp_path: Path) -> None:
    with LiveMiner(tmp_path / "records") as miner:
        port = int(miner.url.rsplit(":", 1)[1])
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(8)]
        for _, writer in idle:
            writer.write(b"POST /IngestSynapse HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        assert await asyncio.to_thread(miner.stop) == 0
        for _, writer in idle:
            writer.close()


async def test_it_stops_while_it_loads(tmp_path: Path) -> None:
    with LiveMiner(tmp_path / "records") as miner:
        assert miner.stop() == 0
        miner.spawn()
        miner.wait_for("miner is bound")
        assert miner.stop() == 0

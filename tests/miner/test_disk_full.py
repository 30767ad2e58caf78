"""The disk fills up under load: 503 storage_full; reads go on, and writes too once it has room."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from tests.miner.live import LiveMiner
from tests.miner.witness import assert_identical, assert_searchable
from tests.miner.writers import Ledger, record_body, write_until_gone

DISK = 4 * 1024 * 1024
BALLAST = 1024 * 1024
ON_A_SMALL_DISK = (
    f'mount -t tmpfs -o size={DISK} tmpfs "$0" && head -c {BALLAST} /dev/zero > "$0/ballast"'
    ' && exec "$@"'
)


def small_disk(folder: Path) -> list[str]:
    """A command that runs what follows it with a file system of 4 MiB on the folder."""
    folder.mkdir()
    wrapper = ["unshare", "-Urm", "sh", "-c", ON_A_SMALL_DISK, str(folder)]
    if subprocess.run([*wrapper, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let users mount a tmpfs of their own")
    return wrapper


async def assert_full_but_readable(miner: LiveMiner, ledger: Ledger) -> None:
    """Sixteen writers go on until each meets the full disk; nothing else goes wrong."""
    await write_until_gone(miner.url, ledger, seed=1)
    assert len(ledger.refused) == 16
    for refusal in ledger.refused:
        assert (refusal.status, refusal.code) == (503, "storage_full")
        assert refusal.retry_after is not None
        assert int(refusal.retry_after) >= 1
    assert len(ledger.acknowledged) > 100
    await assert_identical(miner.url, ledger.acknowledged)
    await assert_searchable(miner.url, ledger.acknowledged, list(ledger.acknowledged)[-100:])


async def ingest(miner: LiveMiner, number: int) -> int:
    body = record_body(np.random.default_rng(number), 99, number)
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{miner.url}/IngestSynapse", json=body) as response,
    ):
        return response.status


def drop_ballast(miner: LiveMiner) -> None:
    """Make room, in the file system that only the miner sees."""
    assert miner.process is not None
    Path(f"/proc/{miner.process.pid}/root{miner.data_dir}/ballast").unlink()


async def until_accepted(miner: LiveMiner) -> None:
    async with asyncio.timeout(60):
        while await ingest(miner, 2) != 200:  # noqa: ASYNC110 - another process decides
            await asyncio.sleep(0.2)


async def test_a_disk_without_room(tmp_path: Path) -> None:
    folder = tmp_path / "records"
    miner = LiveMiner(folder, wrapper=small_disk(folder))
    ledger = Ledger()
    with miner:
        await assert_full_but_readable(miner, ledger)
        drop_ballast(miner)
        await until_accepted(miner)
        assert await asyncio.to_thread(miner.stop) == 0


async def test_the_operators_share_is_used_up(tmp_path: Path) -> None:
    miner = LiveMiner(tmp_path / "records", "--max-disk", "2MB")
    ledger = Ledger()
    with miner:
        await assert_full_but_readable(miner, ledger)
        assert await asyncio.to_thread(miner.stop) == 0
    larger = LiveMiner(miner.data_dir, "--max-disk", "200MB")
    with larger:
        await assert_identical(larger.url, ledger.acknowledged)
        assert await ingest(larger, 1) == 200
        assert larger.stop() == 0

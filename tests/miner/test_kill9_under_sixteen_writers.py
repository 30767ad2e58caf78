"""SIGKILL at random moments under sixteen writers: nothing that was acknowledged is lost."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from tests.miner.live import LiveMiner
from tests.miner.witness import assert_identical, assert_searchable
from tests.miner.writers import Ledger, write_until_gone

SEED = 20_261_122


async def write_and_kill(miner: LiveMiner, ledger: Ledger, seed: int, seconds: float) -> set[str]:
    """The CIDs acknowledged between now and the kill."""
    before = set(ledger.acknowledged)
    writing = asyncio.create_task(write_until_gone(miner.url, ledger, seed))
    await asyncio.sleep(seconds)
    miner.kill()
    await writing
    assert not ledger.refused
    return ledger.acknowledged.keys() - before


async def rounds(tmp_path: Path, count: int) -> None:
    dice = random.Random(SEED)
    miner = LiveMiner(tmp_path / "records")
    ledger = Ledger()
    fresh: set[str] = set()
    for number in range(count):
        with miner:
            await assert_identical(miner.url, ledger.acknowledged)
            await assert_searchable(miner.url, ledger.acknowledged, fresh)
            fresh = await write_and_kill(miner, ledger, number, dice.uniform(0.02, 0.4))
    with miner:
        await assert_identical(miner.url, ledger.acknowledged)
        await assert_searchable(miner.url, ledger.acknowledged, ledger.acknowledged)
        assert await asyncio.to_thread(miner.stop) == 0
    assert len(ledger.acknowledged) > count * 16


@pytest.mark.slow
async def test_twenty_rounds(tmp_path: Path) -> None:
    await rounds(tmp_path, 20)


@pytest.mark.chaos
@pytest.mark.timeout(3600)
async def test_two_hundred_rounds(tmp_path: Path) -> None:
    await rounds(tmp_path, 200)

"""Servers that the tests in this folder share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.miner.harness import Served, served
from tests.miner.live import LiveMiner


@pytest.fixture
async def miner() -> AsyncIterator[Served]:
    """A miner over a store in memory, fresh for each test."""
    async with served() as running:
        yield running


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveMiner]:
    """A real miner with the real store and the real model, one for all tests of this process."""
    with LiveMiner(tmp_path_factory.mktemp("live") / "records") as running:
        yield running
        assert running.stop() == 0

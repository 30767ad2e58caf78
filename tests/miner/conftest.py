"""Servers that the tests in this folder share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.miner.harness import Served, served


@pytest.fixture
async def miner() -> AsyncIterator[Served]:
    """A miner over a store in memory, fresh for each test."""
    async with served() as running:
        yield running

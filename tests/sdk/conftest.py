"""One real miner for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sdk.miner_process import RunningMiner, running_miner


@pytest.fixture(scope="session")
def miner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMiner]:
    with running_miner(tmp_path_factory.mktemp("node") / "records") as running:
        yield running

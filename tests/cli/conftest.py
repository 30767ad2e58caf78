"""One real miner for the tests of this folder, and the command line in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.sdk.miner_process import RunningMiner, running_miner


@pytest.fixture(scope="session")
def miner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMiner]:
    with running_miner(tmp_path_factory.mktemp("node") / "records") as running:
        yield running


@pytest.fixture
def shell(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """The command line, without a node unless one is named."""
    monkeypatch.setenv("ENGRAM_URL", "http://127.0.0.1:9")
    return Shell(capfd)


@pytest.fixture
def at_node(shell: Shell, miner: RunningMiner, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """The command line with a node."""
    monkeypatch.setenv("ENGRAM_URL", miner.url)
    monkeypatch.setenv("ENGRAM_DATA_DIR", str(miner.data_dir))
    return shell


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data directory that nothing serves."""
    return tmp_path / "records"

"""Five hosts, real processes on them, and nothing left afterwards."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.network.namespaces import Host, NotPermitted, hosts
from tests.network.network import Network

HOSTS = 5


@pytest.fixture
def namespaces() -> None:
    """Skips the test where none can be made."""
    if shutil.which("ip") is None:
        pytest.skip("needs `ip` (iproute2) to make network namespaces")
    try:
        with hosts(1) as [host]:
            subprocess.run(host.command(["true"]), check=True, capture_output=True, timeout=30)
    except (NotPermitted, subprocess.CalledProcessError) as error:
        pytest.skip(f"network namespaces cannot be made here: {error}")


@pytest.fixture
def five_hosts(namespaces: None) -> Iterator[list[Host]]:
    with hosts(HOSTS) as made:
        yield made


@pytest.fixture
def network(five_hosts: list[Host], tmp_path: Path) -> Iterator[Network]:
    running = Network(tmp_path / "engram", five_hosts)
    try:
        running.start()
        yield running
    finally:
        running.stop()

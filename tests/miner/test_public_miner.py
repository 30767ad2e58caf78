"""Bound beyond loopback: metrics move to a loopback port, and the log says what public means."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx

from tests.miner.live import LiveMiner


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_metrics_are_not_on_the_public_port(tmp_path: Path) -> None:
    metrics = free_port()
    miner = LiveMiner(tmp_path / "records", "--host", "0.0.0.0", "--metrics-port", str(metrics))
    with miner:
        url = miner.url.replace("0.0.0.0", "127.0.0.1")
        assert httpx.get(f"{url}/health").json() == {"status": "ok"}
        assert httpx.get(f"{url}/metrics").status_code == 404
        assert "engram_ready 1.0" in httpx.get(f"http://127.0.0.1:{metrics}/metrics").text
        assert any("public" in line["event"] for line in miner.lines())
        assert miner.stop() == 0


def test_nothing_is_said_on_loopback(tmp_path: Path) -> None:
    with LiveMiner(tmp_path / "records") as miner:
        assert "engram_ready 1.0" in httpx.get(f"{miner.url}/metrics").text
        assert not any("public" in line["event"] for line in miner.lines())
        assert miner.stop() == 0

"""A miner that cannot start says why in one sentence, with an exit code of its own."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.miner.live import LiveMiner


def last_words(miner: LiveMiner) -> str:
    """What it wrote to the terminal, without its log lines."""
    lines = miner.log.read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith("{"))


def test_a_second_miner_on_the_same_data_directory(tmp_path: Path) -> None:
    with LiveMiner(tmp_path / "records") as first:
        second = LiveMiner(first.data_dir)
        second.log = tmp_path / "second.log"
        second.spawn()
        assert second.wait() == 6
        assert first.process is not None
        assert str(first.process.pid) in last_words(second)
        assert first.url in last_words(second)
        assert first.stop() == 0


def test_a_second_miner_on_the_same_data_and_port(tmp_path: Path) -> None:
    with LiveMiner(tmp_path / "records") as first:
        port = int(first.url.rsplit(":", 1)[1])
        second = LiveMiner(first.data_dir, port=port)
        second.log = tmp_path / "second.log"
        second.spawn()
        assert second.wait() == 6
        assert first.stop() == 0


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        miner = LiveMiner(tmp_path / "records", port=port)
        miner.spawn()
        assert miner.wait() == 8
        assert f"127.0.0.1:{port}" in last_words(miner)
        assert "--port" in last_words(miner)


def test_an_address_that_is_not_ours(tmp_path: Path) -> None:
    miner = LiveMiner(tmp_path / "records", "--host", "203.0.113.1")
    miner.spawn()
    assert miner.wait() == 8
    assert "203.0.113.1" in last_words(miner)


def test_a_model_that_is_missing(tmp_path: Path) -> None:
    empty = tmp_path / "no-model"
    empty.mkdir()
    miner = LiveMiner(tmp_path / "records", "--model-dir", str(empty))
    miner.spawn()
    assert miner.wait() == 7
    assert "engram model install" in last_words(miner)
    again = LiveMiner(miner.data_dir)  # the data directory was released
    with again:
        assert again.stop() == 0


def test_a_model_that_is_another(tmp_path: Path) -> None:
    other = tmp_path / "model"
    other.mkdir()
    (other / "model.safetensors").write_bytes(b"not the weights")
    (other / "tokenizer.json").write_bytes(b"{}")
    miner = LiveMiner(tmp_path / "records", "--model-dir", str(other))
    miner.spawn()
    assert miner.wait() == 7


@pytest.mark.parametrize(
    "options", [["--port", "70000"], ["--chain", "main"], ["--rate-per-s", "0"]]
)
def test_a_setting_out_of_range(tmp_path: Path, options: list[str]) -> None:
    miner = LiveMiner(tmp_path / "records", *options)
    miner.spawn()
    assert miner.wait() == 2
    assert not miner.data_dir.exists()

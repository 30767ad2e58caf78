"""A real miner in a process of its own, on a port of its choice, with the real model."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engram.errors import EngramError
from engram.sdk import EngramClient
from engram.storage import describe_holder

OPTIONS = ("--host", "127.0.0.1", "--port", "0", "--chain", "none")
START_S = 120.0  # a busy machine; a miner that ends is noticed at once
POLL_S = 0.05


@dataclass(frozen=True)
class RunningMiner:
    """Where a miner answers, and where its records are."""

    url: str
    data_dir: Path
    pid: int


@contextmanager
def running_miner(data_dir: Path) -> Iterator[RunningMiner]:
    """Start a miner, wait until it is ready, and stop it as an operator would."""
    log = data_dir.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "engram", "miner", "--data-dir", str(data_dir), *OPTIONS],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield RunningMiner(_wait(process, data_dir, log), data_dir, process.pid)
    finally:
        process.terminate()
        assert process.wait(60) == 0, log.read_text()


def _wait(process: subprocess.Popen[bytes], data_dir: Path, log: Path) -> str:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        holder = describe_holder(data_dir)
        if holder is not None and holder.url and _ready(holder.url):
            return holder.url
        time.sleep(POLL_S)
    raise AssertionError(f"not ready within {START_S} s: {log.read_text()}")


def _ready(url: str) -> bool:
    try:
        with EngramClient(url) as client:
            return client.ready() == "ready"
    except EngramError:
        return False

"""Servers under measurement: a miner or the echo, each a process of its own."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import psutil

READY_WITHIN_S = 180.0
POLL_S = 0.002
MINER = ["-c", "from engram.cli import main; main()", "miner", "--chain", "none"]


@dataclass(frozen=True, slots=True)
class Server:
    """A running server on a loopback port."""

    port: int
    process: subprocess.Popen[bytes]
    ready_seconds: float
    """From the start of the process to the first 200 from /ready."""

    @property
    def memory(self) -> int:
        """Resident bytes of the process."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def get(self, path: str) -> dict[str, Any]:
        """A JSON object by GET; raises RuntimeError unless the status is 200."""
        status, body = _get(self.port, path)
        if status != 200:
            raise RuntimeError(f"GET {path} answered {status}: {body[:200]!r}")
        decoded: dict[str, Any] = orjson.loads(body)
        return decoded

    def wait_drained(self, timeout: float = 600.0) -> None:
        """Until every vector is in the index; raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while self.get("/stats")["store"]["tail"]:
            if time.monotonic() > deadline:
                raise TimeoutError("the index did not drain")
            time.sleep(0.05)


@contextmanager
def miner(data_dir: Path, *options: str) -> Iterator[Server]:
    """``engram miner`` on a data directory."""
    port = _free_port()
    command = [*MINER, "--data-dir", str(data_dir), "--port", str(port), *options]
    with _running(command, port, data_dir.with_suffix(".log")) as server:
        yield server


@contextmanager
def echo(log: Path) -> Iterator[Server]:
    """The bare aiohttp + orjson echo."""
    port = _free_port()
    with _running(["-m", "benchmarks.echo", str(port)], port, log) as server:
        yield server


@contextmanager
def _running(arguments: Sequence[str], port: int, log: Path) -> Iterator[Server]:
    began = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait_ready(process, port, began, log)
        yield Server(port, process, time.perf_counter() - began)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def _wait_ready(process: subprocess.Popen[bytes], port: int, began: float, log: Path) -> None:
    while time.perf_counter() - began < READY_WITHIN_S:
        if process.poll() is not None:
            raise RuntimeError(f"exited {process.returncode}: {log.read_text()[-2000:]}")
        try:
            if _get(port, "/ready")[0] == 200:
                return
        except ConnectionRefusedError:
            pass  # not listening yet
        time.sleep(POLL_S)
    raise TimeoutError(f"not ready after {READY_WITHIN_S} s: {log.read_text()[-2000:]}")


def _get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

"""The load generator counts what it should: every request once, late ones as late."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from benchmarks.load import drive, post
from benchmarks.process import echo


def test_every_request_is_answered_once(tmp_path: Path) -> None:
    with echo(tmp_path / "echo.log") as server:
        load = drive(server.port, [post("/", {"n": n}) for n in range(50)], connections=4)
    assert load.statuses.tolist() == [200] * 50
    assert (load.latencies > 0).all()
    assert load.rate > 0


def test_a_body_larger_than_the_socket_buffers_comes_back(tmp_path: Path) -> None:
    with echo(tmp_path / "echo.log") as server:
        load = drive(server.port, [post("/", {"text": "x" * 3_000_000})], connections=1)
    assert load.require_ok().statuses.tolist() == [200]


def test_a_refusal_is_not_a_success(tmp_path: Path) -> None:
    with echo(tmp_path / "echo.log") as server:
        load = drive(server.port, [post("/", b"not json")], connections=1)
    with pytest.raises(RuntimeError, match="1 replies were not 200, the first 500"):
        load.require_ok()


async def test_a_server_that_hangs_up_ends_the_run() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(ConnectionResetError):
            await asyncio.to_thread(drive, port, [post("/", {})], 1)


def test_at_a_fixed_rate_lateness_counts_as_latency(tmp_path: Path) -> None:
    """One connection cannot keep up with an absurd rate, so each request is later than the last."""
    with echo(tmp_path / "echo.log") as server:
        requests = [post("/", {"n": n}) for n in range(30)]
        load = drive(server.port, requests, connections=1, rate=1e9)
    assert (load.latencies[1:] > load.latencies[:-1]).all()

"""A light load generator: HTTP/1.1 over kept connections, from a process of its own.

Requests are bytes that were built before the clock starts, replies are only cut at their
Content-Length, so that on a small machine the generator takes little from what it measures.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import orjson
from numpy.typing import NDArray

CONTENT_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
HEADER_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Load:
    """What one run met. ``latencies``: float64, seconds, one per request, in order of sending."""

    latencies: NDArray[np.float64]
    statuses: NDArray[np.int16]
    seconds: float
    """From the first byte sent to the last byte received."""

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.seconds

    def quantile_ms(self, q: float) -> float:
        """A latency in milliseconds; ``q`` in 0..1."""
        return float(np.quantile(self.latencies, q)) * 1e3

    def require_ok(self) -> Load:
        """Raises RuntimeError unless every reply was a 200: a refusal is not a fast success."""
        refused = self.statuses[self.statuses != 200]
        if refused.size:
            raise RuntimeError(f"{refused.size} replies were not 200, the first {refused[0]}")
        return self


def post(path: str, body: object) -> bytes:
    """One POST request, ready to be written to a socket. ``body``: bytes, or what JSON holds."""
    payload = body if isinstance(body, bytes) else orjson.dumps(body)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(payload)}\r\n\r\n"
    )
    return head.encode() + payload


class _Run:
    """The requests, who is next, and what came back."""

    def __init__(self, requests: Sequence[bytes], rate: float | None) -> None:
        self.requests = requests
        self.rate = rate
        self.next = 0
        self.left = len(requests)
        self.latencies = np.zeros(len(requests))
        self.statuses = np.zeros(len(requests), dtype=np.int16)
        self.begin = 0.0
        self.done = asyncio.get_running_loop().create_future()

    def take(self) -> int | None:
        """The number of the next request, or None when all are taken."""
        if self.next == len(self.requests):
            return None
        self.next += 1
        return self.next - 1

    def due(self, number: int) -> float:
        """When a request should be sent: at once, or by its place in a fixed rate."""
        now = time.perf_counter()
        return now if self.rate is None else self.begin + number / self.rate

    def record(self, number: int, due: float, status: int) -> None:
        self.latencies[number] = time.perf_counter() - due
        self.statuses[number] = status
        self.left -= 1
        if not self.left:
            self.done.set_result(None)


class _Connection(asyncio.Protocol):
    """One kept connection with one request in flight."""

    def __init__(self, run: _Run) -> None:
        self.run = run
        self.buffer = bytearray()
        self.number = 0
        self.due_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.run.done.done():
            self.run.done.set_exception(exc or ConnectionResetError("server hung up"))

    def send_next(self) -> None:
        """A late request counts its lateness: latency starts when it was due, not when sent."""
        number = self.run.take()
        if number is None:
            return
        self.number, self.due_at = number, self.run.due(number)
        wait = self.due_at - time.perf_counter()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._write)
        else:
            self._write()

    def _write(self) -> None:
        self.transport.write(self.run.requests[self.number])

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(HEADER_END)
        if head < 0:
            return
        length = CONTENT_LENGTH.search(self.buffer, 0, head)
        if length is None:
            raise ValueError("a reply without Content-Length")
        if len(self.buffer) < head + len(HEADER_END) + int(length[1]):
            return
        self.run.record(self.number, self.due_at, int(self.buffer[9:12]))
        self.buffer.clear()
        self.send_next()


async def _drive(
    port: int, requests: Sequence[bytes], connections: int, rate: float | None
) -> Load:
    loop = asyncio.get_running_loop()
    run = _Run(requests, rate)
    opened = [
        await loop.create_connection(lambda: _Connection(run), "127.0.0.1", port)
        for _ in range(min(connections, len(requests)))
    ]
    run.begin = time.perf_counter()
    for _, connection in opened:
        connection.send_next()
    await run.done
    seconds = time.perf_counter() - run.begin
    for transport, _ in opened:
        transport.close()
    return Load(run.latencies, run.statuses, seconds)


def drive(
    port: int, requests: Sequence[bytes], connections: int, rate: float | None = None
) -> Load:
    """Send every request once and wait for every reply.

    Closed loop (each connection sends when its reply is there), or, with ``rate`` (requests per
    second), open loop as far as the connections reach.
    """
    return asyncio.run(_drive(port, requests, connections, rate))


class Generator:
    """Runs ``drive`` in another process."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def start(
        self, port: int, requests: Sequence[bytes], connections: int, rate: float | None = None
    ) -> Future[Load]:
        """Begin a run and go on."""
        return self._pool.submit(drive, port, requests, connections, rate)

    def drive(
        self, port: int, requests: Sequence[bytes], connections: int, rate: float | None = None
    ) -> Load:
        """Run to the end; raises RuntimeError if a reply was not a 200."""
        return self.start(port, requests, connections, rate).result().require_ok()


@contextmanager
def generator() -> Iterator[Generator]:
    """A load generator in a warm process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        pool.submit(time.perf_counter).result()
        yield Generator(pool)

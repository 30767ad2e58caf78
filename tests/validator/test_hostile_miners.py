"""Miners that try to hurt whoever asks them, over real sockets: each is a failed probe, in time."""

from __future__ import annotations

import asyncio
import json
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest

from engram.validator.ask import Asked, Asker
from engram.validator.clock import SystemClock
from engram.validator.miner_client import Answer, HttpTransport, Request
from engram.validator.verdict import Failure, Verdict

VECTOR = np.eye(1, 384, dtype=np.float32)[0]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
TIMEOUT_S = 0.5
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def whole(body: bytes, head: bytes = HEAD) -> Talk:
    """Answers with a body, as HTTP wants it."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    return talk


def hit(number: int = 0, score: str = "0.5") -> str:
    cid = f"v1::{number:064x}"
    return f'{{"cid": "{cid}", "score": {score}, "metadata": {{}}, "text": null, "age_ms": 1}}'


def results(*hits: str) -> Talk:
    return whole(f'{{"results": [{", ".join(hits)}], "latency_ms": 1}}'.encode())


async def endless_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        await writer.drain()


async def endless_headers(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD)
    while True:
        writer.write(b"X-More: " + b"x" * 1000 + b"\r\n")
        await writer.drain()


async def slow_drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def hangs_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def half_a_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 1000\r\n\r\n{")
    await writer.drain()


REDIRECT = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/QuerySynapse\r\n"
COMPRESSED = HEAD + b"Content-Encoding: gzip\r\n"
HUGE = HEAD + b"Content-Length: 99999999999\r\n\r\n"


async def announces_too_much(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HUGE)
    await writer.drain()
    await asyncio.sleep(10)


HOSTILE: dict[str, tuple[Talk, Verdict]] = {
    "endless body": (endless_body, Verdict.INVALID),
    "endless headers": (endless_headers, Verdict.INVALID),
    "slow drip": (slow_drip, Verdict.SLOW),
    "silence": (silence, Verdict.UNREACHABLE),
    "hangs up": (hangs_up, Verdict.UNREACHABLE),
    "half a body": (half_a_body, Verdict.INVALID),
    "announces too much": (announces_too_much, Verdict.INVALID),
    "not HTTP": (whole(b"", b"SSH-2.0-OpenSSH_9.6\r\n"), Verdict.INVALID),
    "invalid JSON": (whole(b'{"results": ['), Verdict.INVALID),
    "JSON nested a million deep": (whole(b"[" * 1_000_000), Verdict.INVALID),
    "keys twice": (whole(b'{"results": [], "results": [], "latency_ms": 1}'), Verdict.INVALID),
    "no object": (whole(b"[]"), Verdict.INVALID),
    "NaN score": (results(hit(score="NaN")), Verdict.INVALID),
    "infinite score": (results(hit(score="1e999")), Verdict.INVALID),
    "impossible score": (results(hit(score="7")), Verdict.INVALID),
    "text for a score": (results(hit(score='"high"')), Verdict.INVALID),
    "a CID twice": (results(hit(1), hit(1)), Verdict.INVALID),
    "eleven results": (results(*[hit(n) for n in range(11)]), Verdict.INVALID),
    "ten thousand results": (results(*[hit(n) for n in range(10_000)]), Verdict.INVALID),
    "redirect": (whole(b"", REDIRECT), Verdict.REFUSED),
    "compressed": (whole(b"\x1f\x8b", COMPRESSED), Verdict.INVALID),
    "an error": (whole(b"{}", b"HTTP/1.1 500 Oops\r\n"), Verdict.REFUSED),
    "an error nested deep": (whole(b"[" * 200_000, b"HTTP/1.1 500 Oops\r\n"), Verdict.REFUSED),
}


@asynccontextmanager
async def serving(talk: Talk) -> AsyncIterator[str]:
    """A server that reads the request's head and then does as it likes; its URL."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            await reader.readuntil(b"\r\n\r\n")
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the caller had enough
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2**20)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("name", HOSTILE)
async def test_each_is_a_failed_probe(name: str) -> None:
    talk, verdict = HOSTILE[name]
    async with serving(talk) as url, HttpTransport(4, SystemClock()) as transport:
        asker = Asker(transport, SystemClock(), TIMEOUT_S)
        outcome = await asker.query(url, VECTOR, 10, {"namespace": "n"})
    assert isinstance(outcome, Failure), outcome
    assert outcome.verdict is verdict, outcome
    assert len(outcome.detail) < 300


async def test_a_good_answer_is_one() -> None:
    async with (
        serving(results(hit(1), hit(2))) as url,
        HttpTransport(4, SystemClock()) as transport,
    ):
        asked = await Asker(transport, SystemClock(), TIMEOUT_S).query(url, VECTOR, 10, None)
    assert isinstance(asked, Asked)
    assert [one.score for one in asked.message.results] == [0.5, 0.5]


async def test_nobody_is_there() -> None:
    async with HttpTransport(4, SystemClock()) as transport:
        failure = await transport.send(Request("http://127.0.0.1:1", "/health"))
    assert isinstance(failure, Failure)
    assert failure.verdict is Verdict.UNREACHABLE


async def test_all_of_them_together_take_no_more_than_their_deadlines() -> None:
    """32 that take all the time there is, 16 at once: two deadlines, and little memory."""
    async with (
        serving(slow_drip) as drip,
        serving(endless_body) as endless,
        HttpTransport(16, SystemClock()) as transport,
    ):
        asker = Asker(transport, SystemClock(), TIMEOUT_S)
        tracemalloc.start()
        try:
            outcomes = await asyncio.gather(
                *[asker.query(url, VECTOR, 10, None) for url in [drip, endless] * 16]
            )
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert all(isinstance(outcome, Failure) for outcome in outcomes)
    assert most < 150 * 2**20


async def test_waiting_for_a_place_is_not_the_miners_latency() -> None:
    """One place, three requests: each is measured from when it was really sent."""
    moves = iter(range(100))

    class Ticking(SystemClock):
        """A second passes whenever somebody looks."""

        def monotonic(self) -> float:
            return float(next(moves))

    async with serving(results()) as url, HttpTransport(1, Ticking()) as transport:
        answers = await asyncio.gather(*[transport.send(Request(url, "/x", {})) for _ in range(3)])
    assert all(isinstance(answer, Answer) for answer in answers)
    assert [answer.seconds for answer in answers if isinstance(answer, Answer)] == [1, 1, 1]


async def test_a_429_is_repeated_once_after_the_time_it_names() -> None:
    asked: list[float] = []

    async def throttles(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(time.monotonic())
        body = json.dumps({"error": "slow down", "code": "throttled"}).encode()
        head = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\n"
        await whole(body, head)(_, writer)

    async with serving(throttles) as url, HttpTransport(4, SystemClock()) as transport:
        outcome = await Asker(transport, SystemClock(), TIMEOUT_S).query(url, VECTOR, 10, None)
    assert isinstance(outcome, Failure)
    assert (outcome.verdict, outcome.code) == (Verdict.REFUSED, "throttled")
    assert len(asked) == 2


async def test_a_429_that_names_an_hour_is_not_waited_for() -> None:
    head = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3600\r\n"
    body = b'{"error": "slow down", "code": "throttled"}'
    async with serving(whole(body, head)) as url, HttpTransport(4, SystemClock()) as transport:
        outcome = await Asker(transport, SystemClock(), TIMEOUT_S).query(url, VECTOR, 10, None)
    assert isinstance(outcome, Failure)
    assert outcome.retry_after == 3600

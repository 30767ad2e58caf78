"""Members that are slow, gone, endless or no miners at all: each is a Failure, nothing raises."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from engram.dht import Member
from engram.miner.replication import peers as peers_module
from engram.miner.replication.clock import NodeClock
from engram.miner.replication.interface import Answer, Failure, Trouble
from engram.miner.replication.peers import SignedPeers
from engram.net.signed import claim_of
from tests.chain.worlds import signer

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CLOCK = NodeClock(time.time, time.monotonic)
NOBODY = Member(
    uid=7,
    hotkey=signer("peer").hotkey,
    public_key=signer("peer").public_key,
    url="http://127.0.0.1:1",
    registered_at=1,
    registered_hash=bytes(32),
)


@asynccontextmanager
async def peers(*, public: bool = False) -> AsyncIterator[SignedPeers]:
    async with SignedPeers(signer("us"), CLOCK, public=public) as made:
        yield made


@asynccontextmanager
async def speaking(handler: Handler) -> AsyncIterator[Member]:
    """A member that does on each connection what the handler says."""
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield replace(NOBODY, url=f"http://127.0.0.1:{port}")
    finally:
        server.close()


async def said_by(member: Member, timeout_s: float = 10) -> Answer | Failure:
    async with peers() as ours:
        return await ours.send(member, "/compare", b"{}", timeout_s=timeout_s)


def says(raw: bytes, then: float = 0.0) -> Handler:
    """Reads the request, answers with these bytes, and hangs up after so many seconds."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        await writer.drain()
        await asyncio.sleep(then)
        writer.close()

    return handler


def reply(status: str, body: bytes, *headers: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers])
    return head.encode() + b"\r\n\r\n" + body


async def test_a_good_answer() -> None:
    async with speaking(says(reply("200 OK", b"{}"))) as member:
        assert await said_by(member) == Answer(b"{}")


async def test_nobody_listens() -> None:
    failure = await said_by(NOBODY)
    assert isinstance(failure, Failure)
    assert failure.trouble is Trouble.UNREACHABLE


async def test_it_never_answers() -> None:
    async with speaking(says(b"", then=5)) as member:
        failure = await said_by(member, timeout_s=0.2)
    assert isinstance(failure, Failure)
    assert failure.trouble is Trouble.SLOW


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    try:
        while True:
            writer.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
            await writer.drain()
    except ConnectionError:
        writer.close()


@pytest.mark.parametrize(
    ("handler", "trouble"),
    [
        (says(reply("200 OK", b"{}", "Content-Encoding: gzip")), Trouble.INVALID),
        (says(reply("200 OK", b"{}")[:-1]), Trouble.INVALID),
        (says(reply("200 OK", b"x" * 9)[:-9] + b"\0" * 4), Trouble.INVALID),
        (says(reply("302 Found", b"", "Location: http://127.0.0.1:1/")), Trouble.INVALID),
        (says(reply("204 No Content", b"")), Trouble.INVALID),
        (says(b"SSH-2.0-OpenSSH\r\n\r\n"), Trouble.INVALID),
        (says(b""), Trouble.UNREACHABLE),
        (endless, Trouble.INVALID),
    ],
    ids=["gzip", "short", "cut", "redirect", "empty", "ssh", "hang-up", "endless"],
)
async def test_what_is_no_answer(handler: Handler, trouble: Trouble) -> None:
    async with speaking(handler) as member:
        failure = await said_by(member)
    assert isinstance(failure, Failure)
    assert failure.trouble is trouble, failure


@pytest.mark.parametrize(
    ("status", "body", "headers", "expected"),
    [
        (
            "429 x",
            b'{"error":"e","code":"throttled"}',
            ["Retry-After: 7"],
            ("throttled", 7.0, ()),
        ),
        (
            "409 x",
            b'{"error":"e","code":"stale_membership","placements":[300,200]}',
            [],
            ("stale_membership", None, (300, 200)),
        ),
        ("401 x", b'{"error":"e","code":"clock_skew","time":1.5}', [], ("clock_skew", None, ())),
        ("503 x", b"<html>", ["Retry-After: 1e9"], ("http_503", 1.0, ())),
        ("503 x", b"<html>", ["Retry-After: 99999999"], ("http_503", 3600.0, ())),
        ("503 x", b"", ["Retry-After: Fri, 31 Dec 1999 23:59:59 GMT"], ("http_503", 1.0, ())),
        ("500 x", b"[" * 100_000, [], ("http_500", None, ())),
        ("500 x", b'{"code":5,"placements":"all"}', [], ("http_500", None, ())),
        ("500 x", b'{"code":"two words","placements":[true,1]}', [], ("http_500", None, ())),
        ("500 x", b'{"code":"e","placements":[1,2,3]}', [], ("e", None, ())),
        ("500 x", b'{"code":"e","placements":[-1]}', [], ("e", None, ())),
    ],
)
async def test_a_refusal_is_read_with_care(
    status: str, body: bytes, headers: list[str], expected: tuple[Any, ...]
) -> None:
    async with speaking(says(reply(status, body, *headers))) as member:
        failure = await said_by(member)
    assert isinstance(failure, Failure)
    assert failure.trouble is Trouble.REFUSED
    assert (failure.code, failure.retry_after, failure.placements) == expected


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://10.0.0.1:8091", "http://169.254.169.254:80"]
)
async def test_on_a_public_chain_no_private_address_is_dialled(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with peers(public=True) as ours:
        monkeypatch.setattr(ours, "_exchange", None)
        for asking in (
            ours.send(replace(NOBODY, url=url), "/has", b"{}", timeout_s=1),
            ours.get(replace(NOBODY, url=url), "/health", timeout_s=1),
        ):
            failure = await asking
            assert isinstance(failure, Failure)
            assert failure.trouble is Trouble.UNREACHABLE


class Counting:
    """A member that answers well and counts connections."""

    def __init__(self) -> None:
        self.connections: set[Any] = set()
        self.open_at_once = 0
        self.claims: list[str] = []
        self.full = asyncio.Event()
        """As many requests are here as connections may be."""
        self.gate = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        self.connections.add(request.transport)
        self.open_at_once = max(self.open_at_once, len(self.connections))
        if request.method == "POST":
            self.claims.append(claim_of(request.headers).nonce)
        if len(self.claims) == peers_module.CONNECTIONS:
            self.full.set()
        await self.gate.wait()
        return web.Response(body=await request.read())


@asynccontextmanager
async def counting() -> AsyncIterator[tuple[Counting, Member]]:
    counter = Counting()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", counter.handle)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield counter, replace(NOBODY, url=f"http://127.0.0.1:{runner.addresses[0][1]}")
    finally:
        await runner.cleanup()


async def test_connections_are_kept_and_nonces_are_not() -> None:
    async with counting() as (counter, member), peers() as ours:
        counter.gate.set()
        for number in range(5):
            body = b"%d" % number
            assert await ours.send(member, "/has", body, timeout_s=10) == Answer(body)
        assert await ours.get(member, "/retrieve/v1::ab", timeout_s=10) == Answer(b"")
        assert len(counter.connections) == 1
        assert len(set(counter.claims)) == 5


async def test_connections_to_one_member_are_bounded() -> None:
    async with counting() as (counter, member), peers() as ours:
        calls = [
            asyncio.create_task(ours.send(member, "/has", b"{}", timeout_s=20)) for _ in range(30)
        ]
        await asyncio.wait_for(counter.full.wait(), 10)
        counter.gate.set()
        assert await asyncio.gather(*calls) == [Answer(b"{}")] * 30
        assert len(counter.connections) == peers_module.CONNECTIONS


async def test_waiting_for_a_connection_is_no_absence() -> None:
    async with counting() as (counter, member), peers() as ours:
        calls = [
            asyncio.create_task(ours.send(member, "/has", b"{}", timeout_s=20))
            for _ in range(peers_module.CONNECTIONS)
        ]
        await asyncio.wait_for(counter.full.wait(), 10)
        failure = await ours.send(member, "/has", b"{}", timeout_s=0.1)
        counter.gate.set()
        await asyncio.gather(*calls)
    assert isinstance(failure, Failure)
    assert failure.trouble is Trouble.SLOW

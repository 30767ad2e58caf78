"""Asking a member something: over HTTP, or in whatever world a test makes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeVar

import aiohttp

from engram import __version__
from engram.dht import Member
from engram.errors import EngramError, ServerError, ServerUnreachable
from engram.sdk import wire
from engram.sdk.exchange import Answer, error_from, unreachable
from engram.sdk.network.standing import Standing

T = TypeVar("T")
MOST_BYTES = 64 * 1024 * 1024  # of a reply: 1,000 records of a page, each as large as allowed
CONNECTIONS = 256  # as many as a subnet has members


class Ask(Protocol):
    """How a request reaches a node."""

    async def send(self, url: str, method: str, path: str, content: bytes | None) -> Answer:
        """The whole reply, whatever its status. Raises ServerUnreachable. May be cancelled."""
        ...

    async def close(self) -> None: ...


class HttpAsk:
    """Pooled connections of one event loop. Redirects are not followed, replies are bounded.

    aiohttp, not httpx as in the clients of one node: a hedged search gives up requests all the
    time, and httpcore 1.0 keeps the places of connections that were given up while they were made
    (168 of 256 after 7,500 requests cancelled at random), until none is left.
    """

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def send(self, url: str, method: str, path: str, content: bytes | None) -> Answer:
        """See Ask. Takes as long as it takes: whoever asks sets the deadline."""
        if self._session is None:
            self._session = _session()
        try:
            async with self._session.request(
                method, url + path, data=content, allow_redirects=False
            ) as reply:
                received = await _read(url, reply)
                return Answer(reply.status, received, reply.headers.get("Retry-After"))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise unreachable(url, str(error) or type(error).__name__) from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={
            "Accept-Encoding": "identity",  # a small reply must not unpack into a large one
            "Content-Type": "application/json",
            "User-Agent": f"engram/{__version__}",
        },
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
    )


async def _read(url: str, reply: aiohttp.ClientResponse) -> bytes:
    received = bytearray()
    async for part in reply.content.iter_any():
        received += part
        if len(received) > MOST_BYTES:
            raise unreachable(url, f"its reply has more than {MOST_BYTES:,} bytes")
    return bytes(received)


class Asking:
    """Calls of ``engram.sdk.wire`` to members, each noted in how the member stands.

    ``dials`` says which members may be dialled at all: on a public chain strangers choose the
    addresses. ``monotonic`` is in seconds.
    """

    def __init__(
        self, ask: Ask, standing: Standing, monotonic: Callable[[], float] | None = None
    ) -> None:
        self.ask = ask
        self.standing = standing
        self.monotonic = monotonic or (lambda: asyncio.get_running_loop().time())
        self.dials: Callable[[Member], bool] = lambda _: True

    async def answer(
        self, member: Member, method: str, path: str, content: bytes | None, timeout_s: float
    ) -> Answer:
        """One request, one reply. Raises ServerUnreachable."""
        if not self.dials(member):
            raise unreachable(member.url, "its address is not one of the public internet")
        began = self.monotonic()
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self.ask.send(member.url, method, path, content)
        except TimeoutError:
            self.standing.silent(member, self.monotonic() - began)
            raise unreachable(member.url, "it took too long") from None
        except ServerUnreachable:
            self.standing.silent(member, self.monotonic() - began)
            raise
        self.standing.took(member, self.monotonic() - began)
        return answer

    async def result(self, member: Member, call: wire.Call[T], timeout_s: float) -> T:
        """The reply as a result, asked once. Raises what the node said, or ServerUnreachable."""
        answer = await self.answer(member, call.method, call.path, call.content, timeout_s)
        try:
            if answer.status >= 400:
                raise error_from(answer)
            result = wire.parsed(call, wire.decode(answer.content))
        except EngramError as error:
            if isinstance(error, ServerError) or error.status in (429, 503):
                self.standing.failed(member)
            else:
                self.standing.served(member)
            raise
        self.standing.served(member)
        return result

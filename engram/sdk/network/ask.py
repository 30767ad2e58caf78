"""Asking a member something: over HTTP, or in whatever world a test makes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeVar

import httpx

from engram.dht import Member
from engram.errors import EngramError, ServerError, ServerUnreachable
from engram.sdk import wire
from engram.sdk.exchange import Answer, error_from, unreachable
from engram.sdk.network.standing import Standing
from engram.sdk.transport import http_options, unreachable_because

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
    """Pooled connections of one event loop. Redirects are not followed, replies are bounded."""

    def __init__(self) -> None:
        options = http_options("", None)
        # A small reply must not unpack into a large one.
        options["headers"]["accept-encoding"] = "identity"
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        self._http = httpx.AsyncClient(limits=limits, **options)

    async def send(self, url: str, method: str, path: str, content: bytes | None) -> Answer:
        """See Ask. Takes as long as it takes: whoever asks sets the deadline."""
        try:
            async with self._http.stream(method, url + path, content=content) as reply:
                return Answer(
                    reply.status_code, await _read(url, reply), reply.headers.get("retry-after")
                )
        except httpx.HTTPError as error:
            raise unreachable_because(url, error) from error

    async def close(self) -> None:
        await self._http.aclose()


async def _read(url: str, reply: httpx.Response) -> bytes:
    received = bytearray()
    async for part in reply.aiter_raw():
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

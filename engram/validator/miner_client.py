"""HTTP to miners that may be slow, broken or hostile: bounded in time, bytes and number.

Every answer is an Answer or a Failure; nothing that a miner does raises. The time that counts is
that of the miner: waiting for a free place among the requests in flight does not, nor does the
handshake of the connection.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace, TracebackType
from typing import Any, Protocol, Self

import aiohttp

from engram import __version__
from engram.validator.clock import Clock
from engram.validator.verdict import Failure, Verdict

CHUNK_BYTES = 64 * 1024
LONGEST_RETRY_S = 3_600.0

HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",  # a small body must not unpack into a large one
    "Content-Type": "application/json",
    "User-Agent": f"engram/{__version__}",  # as the SDK says it: a probe looks like a user
}


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a miner, and what its answer may cost."""

    url: str
    path: str
    body: Any = None
    """JSON to POST; None makes it a GET."""
    most_bytes: int = 1024 * 1024
    timeout_s: float = 3.0
    headers: Mapping[str, str] = field(default_factory=dict)
    """Beside the usual ones: the signature of a signed request."""

    def content(self) -> bytes | None:
        """The body's bytes, the same each time: a signature covers them."""
        return None if self.body is None else json.dumps(self.body).encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP reply with status 200."""

    body: bytes
    seconds: float
    """From the open connection to the last byte."""


class Transport(Protocol):
    """How a request reaches a miner."""

    async def send(self, request: Request) -> Answer | Failure:
        """Never raises for anything that the miner does."""
        ...


class HttpTransport:
    """The network. An async context manager; at most ``in_flight`` requests at once."""

    def __init__(self, in_flight: int, clock: Clock) -> None:
        self._clock = clock
        self._places = asyncio.Semaphore(in_flight)
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(self._connected)
        # A connection for each request: a user brings his own, and so does a probe.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=HEADERS,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            trace_configs=[trace],
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def send(self, request: Request) -> Answer | Failure:
        """See Transport."""
        async with self._places:
            moment = SimpleNamespace(connected=self._clock.monotonic(), begun=False)
            try:
                async with asyncio.timeout(request.timeout_s):
                    return await self._exchange(request, moment)
            except TimeoutError:
                return _too_slow(request, moment)
            except (aiohttp.ClientError, OSError, ValueError) as error:
                return _broken(error, begun=moment.begun)

    async def _exchange(self, request: Request, moment: SimpleNamespace) -> Answer | Failure:
        body = request.content()
        async with self._session.request(
            "GET" if body is None else "POST",
            request.url + request.path,
            data=body,
            headers=request.headers,
            allow_redirects=False,
            trace_request_ctx=moment,
        ) as response:
            moment.begun = True
            received = await _read(response, request.most_bytes)
            if isinstance(received, Failure):
                return received
            seconds = max(0.0, self._clock.monotonic() - moment.connected)
            return _judged(response, received, seconds)

    async def _connected(self, _: Any, context: Any, __: Any) -> None:
        context.trace_request_ctx.connected = self._clock.monotonic()


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes | Failure:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        return Failure(Verdict.INVALID, "The answer is compressed, which was not asked for.")
    if (response.content_length or 0) > most:
        return _too_large(most)
    received = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        received += chunk
        if len(received) > most:
            return _too_large(most)
    return bytes(received)


def _judged(response: aiohttp.ClientResponse, body: bytes, seconds: float) -> Answer | Failure:
    if response.status == 200:
        return Answer(body, seconds)
    code = error_code(body)
    said = f"{response.status} {code}".strip()
    return Failure(
        Verdict.REFUSED,
        f"It answered {said}.",
        code=code or f"http_{response.status}",
        retry_after=retry_after(response.headers.get("Retry-After")),
    )


def error_code(body: bytes) -> str:
    """The stable word in an error's body, or nothing."""
    try:
        code = json.loads(body)["code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return code[:64] if isinstance(code, str) and code.isascii() and code.isprintable() else ""


def retry_after(header: str | None) -> float | None:
    """Seconds (0..3600) in a Retry-After header; a date or nonsense is one second."""
    if header is None:
        return None
    try:
        return min(max(float(header), 0.0), LONGEST_RETRY_S)
    except ValueError:
        return 1.0


def _too_large(most: int) -> Failure:
    return Failure(Verdict.INVALID, f"The answer has more than {most:,} bytes.")


def _too_slow(request: Request, moment: SimpleNamespace) -> Failure:
    verdict = Verdict.SLOW if moment.begun else Verdict.UNREACHABLE
    return Failure(verdict, f"No whole answer within {request.timeout_s:g} s.")


def _broken(error: Exception, *, begun: bool) -> Failure:
    """No connection, or an answer that is no HTTP or breaks off."""
    spoke = begun or isinstance(error, aiohttp.ClientPayloadError | aiohttp.ClientResponseError)
    verdict = Verdict.INVALID if spoke else Verdict.UNREACHABLE
    reason = str(error) or type(error).__name__
    return Failure(verdict, f"{type(error).__name__}: {reason[:160]}")

"""Signed HTTP to other members, who may be slow, broken or hostile."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace, TracebackType
from typing import Any, Self

import aiohttp
import orjson
import structlog
from yarl import URL

from engram import __version__
from engram.dht import Member
from engram.errors import ClockSkew
from engram.miner.replication.interface import Answer, Clock, Failure, Trouble
from engram.net.addresses import is_global
from engram.net.signed import NONCE_BYTES, Signer, signed_headers

CONNECTIONS = 8  # to one member; more requests wait for each other
CONNECT_S = 5.0  # three tries at 0, 1 and 3 s (RFC 6298); a host that is gone answers none of them
IDLE_S = 15.0  # shorter than the 75 s that our servers keep a silent connection
MOST_REPLY_BYTES = 2 * 1024 * 1024  # the largest, a full comparison, has some 300 KB
CHUNK_BYTES = 64 * 1024
LONGEST_RETRY_S = 3_600.0
SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
MOST_PLACEMENTS = 2
LONGEST_CODE = 64
HEADERS = {
    "Accept-Encoding": "identity",  # a small reply must not unpack into a large one
    "User-Agent": f"engram/{__version__}",
}

log = structlog.get_logger("engram.replication")


def fresh_nonce() -> str:
    """32 hexadecimal digits that nobody can guess."""
    return secrets.token_hex(NONCE_BYTES)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request before it is signed."""

    method: str
    path: str
    body: bytes | None = None
    """None: it has none, and is not signed."""
    content_type: str = ""


class SignedPeers:
    """``Peers`` over HTTP: connections are kept, and everything has a bound.

    To be made on the event loop. With ``public`` strangers announce addresses, so only global ones
    are dialled. ``nonce`` gives 32 hexadecimal digits that never come twice.
    """

    def __init__(
        self,
        signer: Signer,
        clock: Clock,
        *,
        public: bool,
        nonce: Callable[[], str] = fresh_nonce,
    ) -> None:
        self._signer = signer
        self._clock = clock
        self._public = public
        self._nonce = nonce
        trace = aiohttp.TraceConfig()
        for met in (
            trace.on_connection_queued_start,  # our other requests to it hold all connections
            trace.on_connection_create_end,
            trace.on_connection_reuseconn,
        ):
            met.append(_connected)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, limit_per_host=CONNECTIONS, keepalive_timeout=IDLE_S
            ),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=HEADERS,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
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
        await self.close()

    async def close(self) -> None:
        """Let go of the connections; twice is once."""
        await self._session.close()

    async def send(
        self,
        member: Member,
        path: str,
        body: bytes,
        *,
        content_type: str = "application/json",
        timeout_s: float,
    ) -> Answer | Failure:
        """See Peers."""
        outgoing = Outgoing("POST", path, body, content_type)
        return await self._attempt(member, outgoing, timeout_s)

    async def get(self, member: Member, path: str, *, timeout_s: float) -> Answer | Failure:
        """See Peers."""
        return await self._attempt(member, Outgoing("GET", path), timeout_s)

    async def _attempt(
        self, member: Member, outgoing: Outgoing, timeout_s: float
    ) -> Answer | Failure:
        if self._public and not is_global(member.url):
            reason = f"{member.url} is no address that the whole world can reach."
            return Failure(Trouble.UNREACHABLE, reason)
        moment = SimpleNamespace(connected=False)
        try:
            async with asyncio.timeout(timeout_s):
                return await self._exchange(member, outgoing, moment)
        except aiohttp.ConnectionTimeoutError:
            return Failure(Trouble.UNREACHABLE, f"No connection within {CONNECT_S:g} s.")
        except TimeoutError:
            trouble = Trouble.SLOW if moment.connected else Trouble.UNREACHABLE
            return Failure(trouble, f"No whole answer within {timeout_s:g} s.")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return broken(error)

    async def _exchange(
        self, member: Member, outgoing: Outgoing, moment: SimpleNamespace
    ) -> Answer | Failure:
        async with self._session.request(
            outgoing.method,
            URL(member.url + outgoing.path, encoded=True),  # as it stands, for it is signed
            data=outgoing.body,
            headers=await self._headers(member, outgoing),
            allow_redirects=False,
            trace_request_ctx=moment,
        ) as response:
            received = await read(response)
            if isinstance(received, Failure):
                response.close()  # the rest of the reply is not worth reading
                return received
            answer = judged(response, received)
        if isinstance(answer, Failure) and answer.code == ClockSkew.code:
            log.warning("clocks differ, or it has just started", uid=member.uid, url=member.url)
        return answer

    async def _headers(self, member: Member, outgoing: Outgoing) -> dict[str, str]:
        """Large bodies are hashed, so this is done in a thread."""
        if outgoing.body is None:
            return {}
        headers = await asyncio.to_thread(
            signed_headers,
            self._signer,
            member.hotkey,
            outgoing.method,
            outgoing.path,
            outgoing.body,
            round(self._clock.now() * 1000),
            self._nonce(),
        )
        return headers | {"Content-Type": outgoing.content_type}


async def _connected(_: Any, context: Any, __: Any) -> None:
    context.trace_request_ctx.connected = True


async def read(response: aiohttp.ClientResponse) -> bytes | Failure:
    """The whole reply, if it is as large and as plain as it may be."""
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        return Failure(Trouble.INVALID, "The reply is compressed, which was not asked for.")
    received = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        received += chunk
        if len(received) > MOST_REPLY_BYTES:
            return Failure(Trouble.INVALID, f"The reply has over {MOST_REPLY_BYTES:,} bytes.")
    return bytes(received)


def judged(response: aiohttp.ClientResponse, body: bytes) -> Answer | Failure:
    """A reply, or what its error says."""
    if response.status == 200:
        return Answer(body)
    if response.status < 400:
        return Failure(Trouble.INVALID, f"It answered with status {response.status}.")
    said = error_in(body)
    code = word(said.get("code")) or f"http_{response.status}"
    return Failure(
        Trouble.REFUSED,
        f"It answered {response.status} {code}.",
        code=code,
        retry_after=retry_after(response.headers.get("Retry-After")),
        placements=placements(said.get("placements")),
    )


def error_in(body: bytes) -> dict[str, Any]:
    """The object that every error has; an empty one if this has none."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def word(code: Any) -> str:
    """A stable word, if that is what it is."""
    fits = isinstance(code, str) and code.isascii() and code.isidentifier()
    return code[:LONGEST_CODE] if fits else ""


def placements(value: Any) -> tuple[int, ...]:
    """Numbers of placement blocks; none if they are anything else."""
    if not isinstance(value, list) or len(value) > MOST_PLACEMENTS:
        return ()
    return tuple(value) if all(type(one) is int and one >= 0 for one in value) else ()


def retry_after(header: str | None) -> float | None:
    """Seconds (0..3600); a date or nonsense is one second."""
    if header is None:
        return None
    seconds = float(header) if SECONDS.fullmatch(header) else 1.0
    return min(seconds, LONGEST_RETRY_S)


def broken(error: Exception) -> Failure:
    """No connection, a reply that broke off, or one that is no HTTP."""
    spoke = isinstance(error, aiohttp.ClientPayloadError | aiohttp.ClientResponseError)
    trouble = Trouble.INVALID if spoke else Trouble.UNREACHABLE
    reason = str(error) or type(error).__name__
    return Failure(trouble, f"{type(error).__name__}: {reason[:160]}")

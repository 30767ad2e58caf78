"""Fetches a page or file of the web, and nothing that only this machine or its network can reach.

What is checked is the very address that a connection is opened to, when it is opened: so neither a
redirect nor a name that changes its address in between leads anywhere else.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp

from engram import __version__
from engram.errors import BodyTooLarge, Forbidden, InvalidInput, ServerUnreachable

MOST_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)
BLOCK_BYTES = 256 * 1024
HEADERS = {"User-Agent": f"engram/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"}
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # leads to the IPv4 address in its last bytes
PORTS = (80, 443, 8080, 8443)  # of the web; others belong to databases, mail, and other machines

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Allowed = Callable[[Address, int], bool]


class ForbiddenAddress(OSError):
    """Raised in the moment of connecting."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that was fetched."""

    url: str
    """Where it was in the end, after redirects."""
    size: int
    sha256: str
    """Hex."""
    media_type: str


def is_public(address: Address, port: int) -> bool:
    """True for what anybody can reach."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or nat64(address)
        if inner is not None:
            return is_public(inner, port)
        if address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast and port in PORTS


def nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF) if address in NAT64 else None


class Fetcher:
    """Fetches within limits of bytes and time. An async context manager is not needed."""

    def __init__(
        self, most_bytes: int, timeout_s: float = 60.0, allowed: Allowed = is_public
    ) -> None:
        self._most_bytes = most_bytes
        self._timeout_s = timeout_s
        self._allowed = allowed

    async def fetch(self, url: str, into: Path) -> Fetched:
        """Write what is at a URL into a new file.

        Raises InvalidInput for a URL that is none of the web, Forbidden for an address that is not
        public, BodyTooLarge, ServerUnreachable; then there is no file.
        """
        try:
            async with asyncio.timeout(self._timeout_s), self._session() as session:
                return await self._followed(session, checked(url), into)
        except BaseException as error:
            await asyncio.to_thread(into.unlink, missing_ok=True)
            ours = translated(error, url)
            if ours is error:
                raise
            raise ours from error

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                socket_factory=self._socket, use_dns_cache=False, force_close=True
            ),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            headers=HEADERS,
        )

    def _socket(self, info: Any) -> socket.socket:
        """A socket for one address. Raises ForbiddenAddress for one that may not be reached."""
        family, kind, protocol, _, where = info
        address = ipaddress.ip_address(str(where[0]).partition("%")[0])
        if not self._allowed(address, int(where[1])):
            raise ForbiddenAddress(f"{address} port {where[1]}")
        return socket.socket(family, kind, protocol)

    async def _followed(self, session: aiohttp.ClientSession, url: str, into: Path) -> Fetched:
        for _ in range(MOST_REDIRECTS + 1):
            async with session.get(url, allow_redirects=False) as answer:
                if answer.status in REDIRECTS:
                    url = checked(urljoin(url, answer.headers.get("Location", "")))
                    continue
                if answer.status != 200:
                    raise ServerUnreachable(f"{short(url)} answered {answer.status}.")
                return await self._received(answer, url, into)
        raise ServerUnreachable(f"{short(url)} redirects more than {MOST_REDIRECTS} times.")

    async def _received(self, answer: aiohttp.ClientResponse, url: str, into: Path) -> Fetched:
        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise ServerUnreachable(f"{short(url)} answers compressed, which was not asked for.")
        if (answer.content_length or 0) > self._most_bytes:
            raise self._too_large()
        size, digest = 0, hashlib.sha256()
        file = await asyncio.to_thread(into.open, "xb")
        with file:
            async for block in answer.content.iter_chunked(BLOCK_BYTES):
                size += len(block)
                if size > self._most_bytes:
                    raise self._too_large()
                digest.update(block)
                await asyncio.to_thread(file.write, block)
        return Fetched(url, size, digest.hexdigest(), answer.content_type)

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"What is there has more than {self._most_bytes:,} bytes.")


def checked(url: str) -> str:
    """The URL, if it is one of the web without a name and password. Raises InvalidInput."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidInput(f"{url[:80]!r} is no URL.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise InvalidInput(f"{url[:80]!r} is no http or https URL.")
    if parts.username is not None or parts.password is not None:
        raise InvalidInput("A URL with a name or password in it is not fetched.")
    return url


def translated(error: BaseException, url: str) -> BaseException:
    """The error in our words; whatever is ours already stays."""
    if forbidden_in(error):
        return Forbidden(
            f"{short(url)} leads to an address that is not public; only pages that anybody can "
            "reach are fetched."
        )
    if isinstance(error, TimeoutError):
        return ServerUnreachable(f"{short(url)} took too long.")
    if isinstance(error, aiohttp.ClientError | OSError):
        return ServerUnreachable(f"{short(url)} is not reached.")
    return error


def forbidden_in(error: BaseException | None) -> bool:
    """True if a forbidden address is the error, or stands behind it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, ForbiddenAddress):
            return True
        if isinstance(error, BaseExceptionGroup):
            return any(forbidden_in(each) for each in error.exceptions)
        seen.add(id(error))
        error = getattr(error, "os_error", None) or error.__cause__ or error.__context__
    return False


def short(url: str) -> str:
    """Scheme and host, for sentences: the rest may be long or secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}"

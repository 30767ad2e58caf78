"""A URL may lead to loopback, a private network, a cloud's metadata: none of it is fetched."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from engram.errors import BodyTooLarge, Forbidden, InvalidInput, ServerUnreachable
from engram.gateway.fetching import Address, Fetcher, is_public

MOST = 100_000


async def page(_: web.Request) -> web.Response:
    return web.Response(text="<p>hello</p>", content_type="text/html")


async def elsewhere(request: web.Request) -> web.Response:
    raise web.HTTPFound(request.query["to"])


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x" * 10_000)


async def silent(_: web.Request) -> web.Response:
    await asyncio.sleep(600)
    return web.Response()


async def large(_: web.Request) -> web.Response:
    return web.Response(body=b"x" * (MOST + 1))


@pytest_asyncio.fixture
async def server() -> AsyncIterator[TestServer]:
    app = web.Application()
    for path, handler in {
        "/page": page,
        "/to": elsewhere,
        "/endless": endless,
        "/silent": silent,
        "/large": large,
    }.items():
        app.router.add_get(path, handler)
    made = TestServer(app)
    await made.start_server()
    yield made
    await made.close()


def only(server: TestServer) -> Fetcher:
    """As the real one, but this one server counts as public."""

    def allowed(address: Address, port: int) -> bool:
        return (address.is_loopback and port == server.port) or is_public(address, port)

    return Fetcher(MOST, timeout_s=5, allowed=allowed)


async def test_a_page_is_fetched(server: TestServer, tmp_path: Path) -> None:
    fetched = await only(server).fetch(str(server.make_url("/page")), tmp_path / "page")
    assert (tmp_path / "page").read_bytes() == b"<p>hello</p>"
    assert fetched.sha256 == hashlib.sha256(b"<p>hello</p>").hexdigest()
    assert (fetched.size, fetched.media_type) == (12, "text/html")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "239.1.1.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2002:c0a8:101::",
        "fd00:ec2::254",
    ],
)
def test_addresses_inside(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address), 80)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "2606:4700::1111"])
def test_addresses_that_anybody_reaches(address: str) -> None:
    assert is_public(ipaddress.ip_address(address), 443)
    assert not is_public(ipaddress.ip_address(address), 6379)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"],
)
async def test_this_machine_by_any_spelling(server: TestServer, tmp_path: Path, host: str) -> None:
    with pytest.raises((Forbidden, InvalidInput, ServerUnreachable)):
        await Fetcher(MOST, 5).fetch(f"http://{host}:{server.port}/page", tmp_path / "page")
    assert not (tmp_path / "page").exists()


async def test_a_redirect_that_leads_inside(server: TestServer, tmp_path: Path) -> None:
    for inside in ("http://127.0.0.1:1/", "http://169.254.169.254/latest", "http://[::1]:1/"):
        url = str(server.make_url("/to").with_query(to=inside))
        with pytest.raises(Forbidden):
            await only(server).fetch(url, tmp_path / "page")


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://example.com/", "gopher://x/"])
async def test_a_redirect_to_another_scheme(server: TestServer, tmp_path: Path, to: str) -> None:
    url = str(server.make_url("/to").with_query(to=to))
    with pytest.raises(InvalidInput):
        await only(server).fetch(url, tmp_path / "page")


async def test_redirects_in_a_circle(server: TestServer, tmp_path: Path) -> None:
    url = str(server.make_url("/to").with_query(to="/to?to=/to"))
    with pytest.raises((ServerUnreachable, InvalidInput)):
        await only(server).fetch(url, tmp_path / "page")


async def test_a_name_that_changes_its_address(
    server: TestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the name was looked up once, harmless, and leads inside when connecting."""
    answers = ["1.1.1.1", "127.0.0.1"]
    asked: list[str] = []

    async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        address = answers[min(len(asked), len(answers) - 1)]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    with pytest.raises(Forbidden):
        await Fetcher(MOST, 5).fetch(f"http://rebinding.example:{server.port}/page", tmp_path / "p")
    assert asked == ["rebinding.example"]


@pytest.mark.parametrize("path", ["/endless", "/large"])
async def test_too_large_and_endless(server: TestServer, tmp_path: Path, path: str) -> None:
    with pytest.raises(BodyTooLarge):
        await only(server).fetch(str(server.make_url(path)), tmp_path / "page")
    assert not (tmp_path / "page").exists()


async def test_a_server_that_says_nothing(server: TestServer, tmp_path: Path) -> None:
    slow = Fetcher(MOST, 0.2, lambda address, port: True)
    with pytest.raises(ServerUnreachable, match="too long"):
        await slow.fetch(str(server.make_url("/silent")), tmp_path / "page")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.com/",
        "http://",
        "http:///path",
        "http://user:secret@example.com/",
        "http://example.com:99999/",
        "javascript:alert(1)",
        "example.com",
    ],
)
async def test_what_is_no_url_of_the_web(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidInput):
        await Fetcher(MOST, 5).fetch(url, tmp_path / "page")

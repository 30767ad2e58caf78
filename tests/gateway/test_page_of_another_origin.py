"""A page of another origin can neither read nor store nor spend through the gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from engram.errors import InvalidInput
from engram.gateway.gate import Gate

TOKEN = "a long secret"
Client = TestClient[web.Request, web.Application]


def app(gate: Gate) -> web.Application:
    async def done(_: web.Request) -> web.Response:
        return web.json_response({"status": "done"})

    async def wrong(_: web.Request) -> web.Response:
        raise InvalidInput("It is wrong.")

    made = web.Application(middlewares=[gate.enter])
    made.router.add_get("/page", done)
    made.router.add_get("/api/thing", done)
    made.router.add_post("/api/thing", done)
    made.router.add_get("/api/wrong", wrong)
    return made


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    async with TestClient(TestServer(app(Gate(["memory.example"], None)))) as made:
        yield made


async def code(client: Client, method: str, path: str, headers: dict[str, str]) -> str:
    async with client.request(method, path, headers=headers) as answer:
        body = await answer.json()
        assert "Access-Control-Allow-Origin" not in answer.headers
        return str(body.get("code", body.get("status")))


METHODS = ["GET", "POST"]


@pytest.mark.parametrize("method", METHODS)
async def test_a_client_that_is_no_browser(client: Client, method: str) -> None:
    assert await code(client, method, "/api/thing", {}) == "done"


@pytest.mark.parametrize("method", METHODS)
async def test_our_own_page(client: Client, method: str) -> None:
    own = f"http://{client.host}:{client.port}"
    headers = {"Origin": own, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    assert await code(client, method, "/api/thing", headers) == "done"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "", "http://127.0.0.1", "http://localhost:3000", "file://"],
)
async def test_another_origin(client: Client, method: str, origin: str) -> None:
    assert await code(client, method, "/api/thing", {"Origin": origin}) == "wrong_origin"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
@pytest.mark.parametrize("mode", ["no-cors", "cors", "navigate"])
async def test_another_site(client: Client, method: str, site: str, mode: str) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": "document"}
    assert await code(client, method, "/api/thing", headers) == "wrong_origin"


async def test_a_link_to_a_page_may_be_followed(client: Client) -> None:
    headers = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    assert await code(client, "GET", "/page", headers) == "done"
    assert await code(client, "GET", "/page", headers | {"Sec-Fetch-Dest": "iframe"}) != "done"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8090", "127.0.0.1.evil.example", "localhost.evil.example"],
)
async def test_a_name_that_was_made_to_lead_here(client: Client, method: str, host: str) -> None:
    """DNS rebinding: same origin to the browser, but the name is not ours."""
    headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    assert await code(client, method, "/api/thing", headers) == "wrong_host"


@pytest.mark.parametrize(
    "host", ["localhost:1", "127.0.0.1", "[::1]:8090", "192.168.1.5:8090", "Memory.Example"]
)
async def test_names_and_addresses_that_are_ours(client: Client, host: str) -> None:
    assert await code(client, "GET", "/api/thing", {"Host": host}) == "done"


async def test_errors_come_in_the_one_shape_with_the_headers(client: Client) -> None:
    async with client.get("/api/wrong") as answer:
        assert (await answer.json())["code"] == "invalid_input"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (f"Bearer {TOKEN}", "done"),
        (f"Bearer {TOKEN} ", "done"),  # HTTP takes white space at the end away
        ("Bearer ä", "token_needed"),
        ("Bearer", "token_needed"),
        ("", "token_needed"),
    ],
)
async def test_a_token_where_one_is_set(header: str, expected: str) -> None:
    async with TestClient(TestServer(app(Gate([], TOKEN)))) as client:
        assert await code(client, "GET", "/api/thing", {"Authorization": header}) == expected
        assert await code(client, "GET", "/page", {}) == "done"

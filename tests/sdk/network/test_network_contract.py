"""The two faces of the network are one: over real sockets, sync and async alike."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from random import random
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from engram import AsyncEngramNetwork, EngramNetwork
from engram.dht import Member, Membership
from engram.errors import NotFound, ServerUnreachable
from engram.sdk.network.ask import CONNECTIONS, HttpAsk
from engram.sdk.network.loop_thread import LoopThread
from engram.sdk.network.view import View
from tests.miner.harness import Served
from tests.miner.hash_embedder import HashEmbedder, vector_of
from tests.sdk.network.three_miners import spread, three_miners

MISSING = "v1::" + "0" * 64
Face = Any


class Fixed:
    """A discovery that knows."""

    def __init__(self, urls: list[str]) -> None:
        members = tuple(
            Member(uid, f"hotkey-{uid}", bytes(32), url, uid, bytes([uid]) * 32)
            for uid, url in enumerate(urls)
        )
        self.view = View(Membership(100, bytes(32), members))

    def remembered(self) -> View | None:
        return self.view

    async def look(self) -> View:
        return self.view

    async def next_look_s(self) -> float:
        return 3_600.0

    async def close(self) -> None:
        pass


class Awaited:
    """An AsyncEngramNetwork behind the sync one's face."""

    def __init__(self, **options: Any) -> None:
        self._thread = LoopThread()
        self._network = self._thread.run(_made(options))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._network, name)

        def call(*args: Any, **options: Any) -> Any:
            result = method(*args, **options)
            return self._thread.run(_all(result) if inspect.isasyncgen(result) else result)

        return call

    def close(self) -> None:
        self._thread.run(self._network.close())
        self._thread.close()


async def _made(options: dict[str, Any]) -> AsyncEngramNetwork:
    return AsyncEngramNetwork(**options)


async def _all(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]


@pytest.fixture(scope="module")
def miners() -> Iterator[list[Served]]:
    with three_miners() as found:
        yield found


@pytest.fixture(params=[EngramNetwork, Awaited])
def network(request: pytest.FixtureRequest, miners: list[Served]) -> Iterator[Face]:
    urls = [one.url for one in miners]
    face = request.param(discovery=Fixed(urls), embed=HashEmbedder())
    yield face
    face.close()


def test_stored_found_fetched_checked_and_listed(network: Face, miners: list[Served]) -> None:
    stored = network.add("oak", {"page": 3}, namespace="trees")
    many = network.add_many(["elm", {"text": "ash", "metadata": {"page": 4}}], namespace="trees")
    assert [one.cid for one in network.ingest_many(["elm"], namespace="trees")] == [many[0].cid]
    spread(miners)
    found = network.query("oak", 2, {"page": {"$gte": 0}}, namespace="trees", verify=True)
    assert found[0].cid == stored.cid and len(found) == 2
    assert found[0].score == pytest.approx(1) and found[0].verified
    assert (found.complete, found.asked, found.answered) == (True, 3, 3)
    by_vector = network.query(vector_of("ash"), 1)
    assert by_vector[0].cid == many[1].cid and by_vector[0].confirmed
    record = network.get(stored.cid)
    assert record.metadata == {"namespace": "trees", "page": 3, "text": "oak"}
    assert network.has([stored.cid, MISSING]).keys() == {stored.cid}
    assert (network.verify(stored.cid).ok, network.verify(stored.cid).intact) == (True, 3)
    listed = [one.cid for one in network.list(namespace="trees")]
    assert sorted(listed) == sorted([stored.cid, *(one.cid for one in many)])
    assert len(network.page(1).records) <= 1
    assert [one.uid for one in network.members()] == [0, 1, 2]
    with pytest.raises(NotFound):
        network.get(MISSING)
    network.refresh()


def test_nobody_answers() -> None:
    nobody = Fixed(["http://127.0.0.1:9"] * 2)
    with (
        EngramNetwork(discovery=nobody, embed=HashEmbedder()) as one,
        pytest.raises(ServerUnreachable, match=r"refused|[Cc]onnect"),
    ):
        one.query("oak")


def test_both_have_the_same_methods() -> None:
    def public(kind: type) -> dict[str, list[str]]:
        return {
            name: [*inspect.signature(member).parameters]
            for name, member in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert public(EngramNetwork) == public(AsyncEngramNetwork)


def test_closing_leaves_no_thread(miners: list[Served]) -> None:
    def own() -> int:
        return sum(one.name == "engram-network" for one in threading.enumerate())

    before = own()
    one = EngramNetwork(discovery=Fixed([m.url for m in miners]), embed=HashEmbedder())
    one.query("oak")
    assert own() == before + 1
    one.close()
    one.close()
    assert own() == before


async def test_a_reply_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    from engram.sdk.network import ask

    monkeypatch.setattr(ask, "MOST_BYTES", 100_000)

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 10_000)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", endless)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with AsyncEngramNetwork(discovery=Fixed([url]), embed=HashEmbedder()) as network:
        with pytest.raises(ServerUnreachable):
            await network.query("oak")
    await runner.cleanup()


async def test_requests_that_are_given_up_leave_no_connection_taken() -> None:
    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(0.002 * random())
        return web.Response(body=b"{}")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", slow)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    ask = HttpAsk()
    for _ in range(CONNECTIONS):
        tasks = [asyncio.create_task(ask.send(url, "GET", "/", None)) for _ in range(3)]
        await asyncio.sleep(0.003 * random())
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    assert (await asyncio.wait_for(ask.send(url, "GET", "/", None), 60)).status == 200
    assert ask._session is not None
    connector = ask._session.connector
    assert isinstance(connector, aiohttp.TCPConnector)
    assert not connector._acquired
    await ask.close()
    await runner.cleanup()

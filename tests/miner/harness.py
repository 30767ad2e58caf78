"""A miner's server in this process, on a real socket, over parts that the test chooses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from engram.config import MinerSettings
from engram.embedding.batcher import Batcher
from engram.embedding.interface import Embedder
from engram.miner.embedder import MinerEmbedder
from engram.miner.node import Node
from engram.miner.routes import build_app
from engram.miner.store import MinerStore
from engram.net.server import Runner
from tests.miner.hash_embedder import HashEmbedder
from tests.miner.memory_store import MemoryStore

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Any
    raw: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.raw)

    def is_error(self, status: int, code: str) -> bool:
        """True if this is the error, in the shape that every error has."""
        body = self.json
        assert set(body) == {"error", "code"}, body
        assert len(body["error"]) > 10, body
        return (self.status, body["code"]) == (status, code)


@dataclass(frozen=True)
class Served:
    """A running server and the parts behind it."""

    url: str
    port: int
    node: Node
    store: MemoryStore
    session: aiohttp.ClientSession

    async def post(self, path: str, value: Any) -> Answer:
        return await self.send(path, value if isinstance(value, bytes) else orjson.dumps(value))

    async def send(self, path: str, body: Any, headers: Any = JSON) -> Answer:
        async with self.session.post(self.url + path, data=body, headers=headers) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str) -> Answer:
        async with self.session.get(self.url + path) as response:
            return Answer(response.status, response.headers, await response.read())


@asynccontextmanager
async def served(
    *,
    clock: Callable[[], float] | None = None,
    loaded: bool = True,
    exact: bool = True,
    **settings: Any,
) -> AsyncIterator[Served]:
    """Serve for the length of a test."""
    clocks = {} if clock is None else {"clock": clock}
    node = Node(MinerSettings(**settings), **clocks)
    store = MemoryStore()
    runner = Runner(build_app(node), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    if loaded:
        load(node, store, HashEmbedder(exact=exact))
    try:
        async with aiohttp.ClientSession() as session:
            yield Served(f"http://127.0.0.1:{port}", port, node, store, session)
    finally:
        await runner.cleanup()
        node.close()


def load(node: Node, store: MemoryStore, embedder: Embedder) -> None:
    """Give the node its parts."""
    deadline_s = node.settings.request_deadline_s
    face = MinerEmbedder(
        embedder,
        Batcher(embedder, 1, 64),
        deadline_s=deadline_s,
        landing=node.landing,
        batch_share=32,
    )
    node.open(MinerStore(store, deadline_s, node.landing), face)

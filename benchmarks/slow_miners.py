"""Miners in this process that answer after a set time, each on a port of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from aiohttp import web
from numpy.typing import NDArray

from engram.core import generate_cid
from engram.core.embedding import from_base64, normalise

Json = dict[str, Any]


@dataclass
class Shelf:
    """One miner's records."""

    cids: list[str] = field(default_factory=list)
    metadatas: list[Json] = field(default_factory=list)
    rows: list[NDArray[np.float32]] = field(default_factory=list)

    def put(self, body: Json) -> Json:
        """Keep a record."""
        vector = from_base64(body["embedding_b64"])
        cid = generate_cid(vector, body["metadata"])
        self.cids.append(cid)
        self.metadatas.append(body["metadata"])
        self.rows.append(normalise(vector))
        return {"cid": cid, "truncated": False, "duplicate": False, "exact": True}

    def find(self, body: Json) -> Json:
        """Search exactly, in one namespace."""
        query = normalise(from_base64(body["query_b64"]))
        space = body["where"]["namespace"]
        mine = [n for n, metadata in enumerate(self.metadatas) if metadata["namespace"] == space]
        scores = np.array([self.rows[n] for n in mine]).reshape(-1, 384) @ query
        best = np.argsort(-scores)[: body["top_k"]]
        return {"results": [self._hit(mine[n], float(scores[n])) for n in best], "latency_ms": 1.0}

    def _hit(self, row: int, score: float) -> Json:
        return {
            "cid": self.cids[row],
            "score": score,
            "metadata": self.metadatas[row],
            "text": None,
            "age_ms": 1,
        }


class SlowMiners:
    """``seconds``: how long a search takes, whoever asks."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.shelves: dict[int, Shelf] = {}
        """By port."""

    async def ingest(self, request: web.Request) -> web.Response:
        """POST /IngestSynapse."""
        return reply(self._shelf(request).put(orjson.loads(await request.read())))

    async def query(self, request: web.Request) -> web.Response:
        """POST /QuerySynapse."""
        body = orjson.loads(await request.read())
        await asyncio.sleep(self.seconds)
        return reply(self._shelf(request).find(body))

    def _shelf(self, request: web.Request) -> Shelf:
        assert request.transport is not None
        return self.shelves[request.transport.get_extra_info("sockname")[1]]


def reply(value: Json) -> web.Response:
    """A JSON response."""
    return web.Response(body=orjson.dumps(value), content_type="application/json")


@asynccontextmanager
async def slow_miners(count: int) -> AsyncIterator[SlowMiners]:
    """That many, on free loopback ports."""
    miners = SlowMiners()
    app = web.Application()
    app.router.add_post("/IngestSynapse", miners.ingest)
    app.router.add_post("/QuerySynapse", miners.query)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        for _ in range(count):
            await web.TCPSite(runner, "127.0.0.1", 0).start()
        miners.shelves = {address[1]: Shelf() for address in runner.addresses}
        yield miners
    finally:
        await runner.cleanup()

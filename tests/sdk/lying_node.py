"""A node on a real socket that changes what goes through it, in front of an honest miner."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import ClientSession, web

from engram import AsyncEngramClient
from engram.sdk.own_embedder import Embed
from tests.miner.harness import served

Body = dict[str, Any]
Lie = Callable[[Body], Body]


def honest(body: Body) -> Body:
    return body


@dataclass
class LyingNode:
    """Where it answers, what it was sent, and the two lies: on the way in and on the way out."""

    url: str
    of_request: Lie = honest
    """Applied to each ingest, also inside a batch."""
    of_reply: Lie = honest
    """Applied to each record, hit and ingest reply."""
    received: list[Body] = field(default_factory=list)


@asynccontextmanager
async def lying_node() -> AsyncIterator[LyingNode]:
    """An honest node at first; a test makes it lie by setting its lies."""
    async with served() as miner, ClientSession() as session:
        node = LyingNode("")
        app = web.Application()

        async def answer(request: web.Request) -> web.Response:
            content = await request.read()
            if content:
                body = orjson.loads(content)
                node.received.append(body)
                content = orjson.dumps(_each(body, "items", "embedding_b64", node.of_request))
            url = miner.url + request.path
            headers = {"Content-Type": "application/json"}
            async with session.request(request.method, url, data=content, headers=headers) as got:
                reply = orjson.loads(await got.read())
            for plural in ("outcomes", "results", "records"):
                reply = _each(reply, plural, "cid", node.of_reply)
            return web.Response(
                status=got.status, body=orjson.dumps(reply), content_type="application/json"
            )

        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        node.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield node
        finally:
            await runner.cleanup()


@asynccontextmanager
async def lied_to(embed: Embed) -> AsyncIterator[tuple[LyingNode, AsyncEngramClient]]:
    """The node and a client that talks to it."""
    async with lying_node() as node, AsyncEngramClient(node.url, embed=embed) as client:
        yield node, client


def _each(body: Body, plural: str, mark: str, lie: Lie) -> Body:
    """The lie on the body if it is one of them, and on each of the many inside it."""
    if plural in body:
        return body | {plural: [lie(one) if mark in one else one for one in body[plural]]}
    return lie(body) if mark in body else body

"""The HTTP of the local gateway: the paths that Engram uses, answered as a real one does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from engram.blobs.arweave.base64url import decode, encode
from engram.blobs.arweave.local.ledger import Ledger, Refused
from engram.blobs.arweave.transaction import from_json
from engram.errors import InvalidInput

LABEL = "engram.local.1"  # the network's name; the public one is called arweave.N.1
MOST_BYTES = 2 * 1024 * 1024  # of a request: a chunk or a header in JSON
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_local_gateway(ledger: Ledger) -> web.Application:
    """``POST /mine`` and ``POST /mint`` are beside the real paths: blocks and money at will."""
    paths = Paths(ledger)
    app = web.Application(middlewares=[as_a_node_says], client_max_size=MOST_BYTES)
    app.router.add_get("/info", paths.info)
    app.router.add_get("/tx_anchor", paths.anchor)
    app.router.add_get("/price/{size}", paths.price)
    app.router.add_get("/wallet/{address}/balance", paths.balance)
    app.router.add_post("/tx", paths.take)
    app.router.add_post("/chunk", paths.take_chunk)
    app.router.add_get("/tx/{id}/status", paths.status)
    app.router.add_get("/tx/{id}", paths.transaction)
    app.router.add_post("/graphql", paths.find)
    app.router.add_post("/mine", paths.mine)
    app.router.add_post("/mint/{address}/{winston}", paths.mint)
    app.router.add_get("/{id:[A-Za-z0-9_-]{43}}", paths.data)
    return app


@web.middleware
async def as_a_node_says(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refusals in a node's words."""
    try:
        return await handler(request)
    except Refused as refused:
        return web.json_response({"error": refused.word}, status=refused.status)
    except (InvalidInput, KeyError, TypeError, ValueError):
        return web.json_response({"error": "invalid_json"}, status=400)


class Paths:
    """One method a path."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    async def info(self, _: web.Request) -> web.Response:
        height = await asyncio.to_thread(self.ledger.height)
        return web.json_response({"network": LABEL, "version": 5, "height": height})

    async def anchor(self, _: web.Request) -> web.Response:
        return web.Response(text=encode(await asyncio.to_thread(self.ledger.anchor)))

    async def price(self, request: web.Request) -> web.Response:
        return web.Response(text=str(self.ledger.price(int(request.match_info["size"]))))

    async def balance(self, request: web.Request) -> web.Response:
        address = request.match_info["address"]
        return web.Response(text=str(await asyncio.to_thread(self.ledger.balance, address)))

    async def take(self, request: web.Request) -> web.Response:
        posted = await request.json()
        transaction, data = from_json(posted), decode(posted.get("data", ""))
        await asyncio.to_thread(self.ledger.take, transaction, data)
        return web.Response(text="OK")

    async def take_chunk(self, request: web.Request) -> web.Response:
        posted: dict[str, Any] = await request.json()
        await asyncio.to_thread(
            self.ledger.take_chunk,
            decode(posted["data_root"]),
            int(posted["data_size"]),
            int(posted["offset"]),
            decode(posted["data_path"]),
            decode(posted["chunk"]),
        )
        return web.Response(text="OK")

    async def status(self, request: web.Request) -> web.Response:
        found = await asyncio.to_thread(self.ledger.transaction, request.match_info["id"])
        if found is None:
            return web.Response(text="Not Found.", status=404)
        _, height = found
        if height is None:
            return web.Response(text="Pending", status=202)
        newest = await asyncio.to_thread(self.ledger.height)
        body = {"block_height": height, "number_of_confirmations": newest - height + 1}
        return web.json_response(body)

    async def transaction(self, request: web.Request) -> web.Response:
        found = await asyncio.to_thread(self.ledger.transaction, request.match_info["id"])
        if found is None:
            return web.Response(text="Not Found.", status=404)
        transaction, height = found
        if height is None:
            return web.Response(text="Pending", status=202)
        return web.json_response(transaction.to_json())

    async def data(self, request: web.Request) -> web.Response:
        found = await asyncio.to_thread(self.ledger.transaction, request.match_info["id"])
        data = await asyncio.to_thread(self.ledger.data, found[0]) if found is not None else None
        if data is None:
            return web.Response(text="Not Found.", status=404)
        return web.Response(body=data, content_type="application/octet-stream")

    async def find(self, request: web.Request) -> web.Response:
        """Only the one question that Engram asks: by content id, ours or another program's."""
        posted = await request.json()
        wanted = [str(value) for value in posted["variables"]["cid"]]
        tags = [("Content-CID", wanted), ("App-Name", ["Engram"])]
        ids = await asyncio.to_thread(self.ledger.find, tags, 20)
        edges = [{"node": {"id": each}} for each in ids]
        return web.json_response({"data": {"transactions": {"edges": edges}}})

    async def mine(self, request: web.Request) -> web.Response:
        blocks = int(request.query.get("blocks", "1"))
        height = await asyncio.to_thread(self.ledger.mine, min(blocks, 1_000))
        return web.json_response({"height": height})

    async def mint(self, request: web.Request) -> web.Response:
        given = request.match_info
        winston = int(given["winston"])
        return web.Response(
            text=str(await asyncio.to_thread(self.ledger.mint, given["address"], winston))
        )

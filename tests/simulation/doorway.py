"""From a simulated request to an aiohttp application and back: everything of HTTP but its bytes."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from aiohttp import HttpVersion11, StreamReader, web
from aiohttp.http import RawRequestMessage
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from tests.simulation.network import Handler, Reply, Request

CONNECTION: Any = SimpleNamespace(
    ssl_context=None,
    peername=None,
    sockname=None,
    _reading_paused=False,
    resume_reading=lambda **_: None,
)
"""Without an address, so that no quota by address applies: the requests have names instead."""


def doorway(app: web.Application) -> Handler:
    """What a process that serves the application does with a request."""
    app.freeze()

    async def handle(request: Request) -> Reply:
        response = await app._handle(aiohttp_request(request))
        assert isinstance(response, web.Response)
        body = response.body if isinstance(response.body, bytes) else b""
        return Reply(response.status, body, response.headers)

    return handle


def aiohttp_request(request: Request) -> web.Request:
    headers = CIMultiDict(request.headers)
    if request.body:
        headers.setdefault("Content-Length", str(len(request.body)))
    message = RawRequestMessage(
        request.method,
        request.path,
        HttpVersion11,
        CIMultiDictProxy(headers),
        (),
        False,
        None,
        False,
        False,
        URL(request.path, encoded=True),
    )
    loop = asyncio.get_running_loop()
    payload = StreamReader(CONNECTION, 2**24, loop=loop)
    payload.feed_data(request.body)
    payload.feed_eof()
    return web.Request(message, payload, CONNECTION, cast(Any, None), cast(Any, None), loop)

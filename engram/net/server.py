"""aiohttp's server with two changes: unparsable requests get JSON errors too, and the number of
open connections is bounded."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from engram.net.reply import json_reply


class Connection(RequestHandler):
    """One client connection."""

    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Serve the connection, or drop it at once when there are too many."""
        super().connection_made(transport)
        server = self._manager
        assert isinstance(server, Server)
        if len(server.connections) > server.max_connections:
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what could not even be parsed as HTTP, and close the connection."""
        if request.writer.output_size > 0:
            raise ConnectionError("the reply had begun")
        sentence = (message or "The request could not be read").strip().splitlines()[0]
        code = "malformed_http" if status < 500 else "internal"
        response = json_reply({"error": f"{sentence[:200]}.", "code": code}, status)
        response.force_close()
        return response


class Server(web.Server):
    """Makes a Connection for every client."""

    def __init__(self, *args: Any, max_connections: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.max_connections = max_connections

    def __call__(self) -> RequestHandler:
        """One more client."""
        return Connection(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Runs an application on a Server."""

    def __init__(self, app: web.Application, *, max_connections: int = 1024, **kwargs: Any) -> None:
        super().__init__(app, access_log=None, **kwargs)
        self.max_connections = max_connections

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return Server(
            made.request_handler,
            max_connections=self.max_connections,
            request_factory=made.request_factory,
            loop=asyncio.get_running_loop(),
            **made._kwargs,
        )

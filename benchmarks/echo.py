"""The floor of any JSON server here: bare aiohttp and orjson, which answer what they were sent."""

from __future__ import annotations

import orjson
from aiohttp import web


async def echo(request: web.Request) -> web.Response:
    """Parse the body and send it back."""
    body = orjson.loads(await request.read())
    return web.Response(body=orjson.dumps(body), content_type="application/json")


async def health(_: web.Request) -> web.Response:
    """For the harness, which waits for it."""
    return web.Response(body=b'{"status":"ok"}', content_type="application/json")


def build_app() -> web.Application:
    """An echo on every path that is posted to."""
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_get("/ready", health)
    app.router.add_post("/{path:.*}", echo)
    return app


if __name__ == "__main__":
    import sys

    web.run_app(build_app(), host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)

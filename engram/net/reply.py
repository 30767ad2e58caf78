"""From values to response bytes."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web


def encode(value: Any) -> bytes:
    """JSON bytes. Numbers keep their shortest exact text; nothing is re-validated here."""
    return orjson.dumps(value)


def json_reply(value: Any, status: int = 200) -> web.Response:
    """A response with a JSON body."""
    return web.Response(body=encode(value), status=status, content_type="application/json")

"""JSON bodies of requests."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from aiohttp import web

from engram.net.body import JSON, BodyLimits, content_type, read_body
from engram.net.decode import Decoded, decode
from engram.protocol import MAX_BODY_BYTES, MAX_LINE_BYTES, Message

M = TypeVar("M", bound=Message)

LIMITS = BodyLimits(MAX_BODY_BYTES, MAX_LINE_BYTES, 1, 30.0)
LARGE_BODY = 256 * 1024  # bytes; parsing more than this takes milliseconds, so not on the loop


async def read(request: web.Request, model: type[M]) -> Decoded[M]:
    """The message and what was ignored. Raises WrongContentType, BodyTooLarge, InvalidInput."""
    content_type(request, JSON)
    body = await read_body(request, LIMITS)
    if len(body) > LARGE_BODY:
        return await asyncio.to_thread(decode, body, model)
    return decode(body, model)

"""NDJSON in, NDJSON out: outcomes are written while later lines are still on their way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from engram.errors import EngramError, InvalidInput
from engram.miner.draft import Json
from engram.net.body import NDJSON, BodyLimits, read_lines
from engram.net.errors import error_body
from engram.net.reply import encode

GROUP_LINES = 64  # enough for one group commit and one CID batch to pay, few to hold in memory


async def stream_outcomes(
    request: web.Request,
    limits: BodyLimits,
    outcomes_of: Callable[[Sequence[bytes]], Awaitable[list[Json]]],
) -> web.StreamResponse:
    """Answer each line of the body with one line.

    An error before the first outcome is the reply's status, as everywhere. After that the status
    is sent, so the error is the last line and the connection closes.
    """
    response = web.StreamResponse(headers={"Content-Type": NDJSON})
    try:
        async for lines in read_lines(request, limits, GROUP_LINES):
            outcomes = await outcomes_of(lines)
            await write(request, response, outcomes)
    except EngramError as error:
        if not response.prepared:
            raise
        response.force_close()
        await write(request, response, [error_body(error)])
    if not response.prepared:
        raise InvalidInput("The body has no lines; send one JSON object a line.")
    await response.write_eof()
    return response


async def write(
    request: web.Request, response: web.StreamResponse, outcomes: Sequence[Json]
) -> None:
    """Send outcomes, the status line first if it has not gone out yet."""
    if not response.prepared:
        await response.prepare(request)
    await response.write(b"".join(encode(outcome) + b"\n" for outcome in outcomes))

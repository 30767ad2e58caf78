"""Request bodies, bounded in bytes and in seconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import Message as HeaderParser

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from engram.errors import BodyTimeout, BodyTooLarge, InvalidInput, WrongContentType

JSON = "application/json"
NDJSON = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What one request may send."""

    body_bytes: int
    line_bytes: int
    lines: int
    seconds: float
    """For a whole JSON body, and for each group of NDJSON lines."""


def content_type(request: web.Request, *accepted: str) -> str:
    """The declared type, which must be one of ``accepted``; the first if none is declared."""
    declared = request.headers.get("Content-Type")
    if declared is None or declared == accepted[0]:
        return accepted[0]
    header = HeaderParser()
    header["Content-Type"] = declared
    kind = header.get_content_type()
    charset = str(header.get_param("charset", "utf-8")).lower()
    if kind not in accepted or charset not in ("utf-8", "utf8"):
        raise WrongContentType(f"Send {' or '.join(accepted)} in UTF-8, not {declared[:100]!r}.")
    return kind


async def read_body(request: web.Request, limits: BodyLimits) -> bytes:
    """The whole body. Raises BodyTooLarge, BodyTimeout, InvalidInput (broken transfer coding)."""
    if (request.content_length or 0) > limits.body_bytes:
        raise too_large(limits.body_bytes)
    if request.content.is_eof() and request.content.exception() is None:
        return _all_here(request, limits)  # the usual case: no timer, no waiting
    body = bytearray()
    try:
        async with asyncio.timeout(limits.seconds):
            while chunk := await request.content.readany():
                if len(body) + len(chunk) > limits.body_bytes:
                    raise too_large(limits.body_bytes)
                body += chunk
    except TimeoutError:
        raise too_slow(limits.seconds) from None
    except web.RequestPayloadError:
        raise broken_body() from None
    return bytes(body)


def _all_here(request: web.Request, limits: BodyLimits) -> bytes:
    """A body that came together with its headers."""
    body = request.content.read_nowait()
    if len(body) > limits.body_bytes:
        raise too_large(limits.body_bytes)
    return body


async def read_lines(
    request: web.Request, limits: BodyLimits, group_lines: int
) -> AsyncIterator[list[bytes]]:
    """Groups of non-blank NDJSON lines as they arrive, so that few are in memory at a time.

    Raises BodyTooLarge (a line, or their number), BodyTimeout (a group that does not come).
    """
    left = limits.lines
    while True:
        try:
            async with asyncio.timeout(limits.seconds):
                group, ended = await _next_group(request, limits, group_lines)
        except TimeoutError:
            raise too_slow(limits.seconds) from None
        except web.RequestPayloadError:
            raise broken_body() from None
        left -= len(group)
        if left < 0:
            raise BodyTooLarge(f"At most {limits.lines} lines fit in one request.")
        if group:
            yield group
        if ended:
            return


async def _next_group(
    request: web.Request, limits: BodyLimits, group_lines: int
) -> tuple[list[bytes], bool]:
    group: list[bytes] = []
    size = 0
    while len(group) < group_lines and size < limits.line_bytes:
        try:
            line = await request.content.readline(max_line_length=limits.line_bytes)
        except LineTooLong:
            raise BodyTooLarge(f"A line may have at most {limits.line_bytes:,} bytes.") from None
        if not line:
            return group, True
        if line.strip():
            group.append(line)
            size += len(line)
    return group, False


def too_large(limit: int) -> BodyTooLarge:
    """The error for a body beyond ``limit`` bytes."""
    return BodyTooLarge(f"The body may have at most {limit:,} bytes; send less in one request.")


def too_slow(seconds: float) -> BodyTimeout:
    """The error for a body that did not arrive within ``seconds``."""
    return BodyTimeout(f"The body did not arrive within {seconds:g} s; send it again, faster.")


def broken_body() -> InvalidInput:
    """The error for a body whose transfer or content coding cannot be undone."""
    return InvalidInput("The body's transfer or content coding is broken.")

"""The one place where exceptions become HTTP responses."""

from __future__ import annotations

import math
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiohttp import web

from engram.errors import BodyTooLarge, EngramError, InexactEmbedder, MethodNotAllowed, NotFound
from engram.net.reply import json_reply

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger("engram.http")


def error_body(error: EngramError) -> dict[str, Any]:
    """What every failed request and every failed batch item is answered with."""
    return {"error": error.message, "code": error.code, **error.details}


def error_reply(error: EngramError) -> web.Response:
    """The error as a response, with Retry-After where waiting helps."""
    response = json_reply(error_body(error), error.status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    elif error.status == 503 and not isinstance(error, InexactEmbedder):
        response.headers["Retry-After"] = "1"
    if error.status in (408, 413):
        response.force_close()
    return response


async def answer(
    request: web.Request, handling: Awaitable[web.StreamResponse]
) -> web.StreamResponse:
    """The reply of whatever handles the request, or its exception in the one shape.

    For middlewares. Bad input is the caller's business; what is ours is logged.
    """
    try:
        return await handling
    except EngramError as error:
        if error.status == 500:
            log.error("request failed", path=request.path, code=error.code, error=error.message)
        return error_reply(error)
    except web.HTTPException as error:
        return from_aiohttp(request, error)
    except ConnectionError:
        raise
    except Exception:  # noqa: BLE001 - boundary one of two: nothing may leave as a bare 500
        return unexpected(request)


def from_aiohttp(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    """aiohttp's own refusals (no such path or method, body too large) in our shape."""
    match error:
        case web.HTTPNotFound():
            reply = error_reply(NotFound(f"No such path: {request.path[:200]}. See /openapi.json."))
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            message = f"{request.path} answers {allowed}, not {request.method[:32]}."
            reply = error_reply(MethodNotAllowed(message))
            reply.headers["Allow"] = allowed
        case web.HTTPRequestEntityTooLarge():
            reply = error_reply(BodyTooLarge("The body is too large."))
        case _:
            body = {"error": f"{error.reason}.", "code": f"http_{error.status}"}
            reply = json_reply(body, error.status)
    return reply


def unexpected(request: web.Request) -> web.Response:
    """A bug: logged with its traceback under an id that the caller can quote."""
    incident = uuid.uuid4().hex[:12]
    log.exception("unexpected error", path=request.path, incident=incident)
    message = f"Internal error {incident}; the server's log has the details."
    return error_reply(EngramError(message))

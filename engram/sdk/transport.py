"""What both clients ask of httpx."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import httpx

from engram import __version__
from engram.errors import ServerUnreachable
from engram.sdk.exchange import Answer, unreachable

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def http_options(url: str, timeout: float) -> dict[str, Any]:
    """Keyword arguments for httpx.Client and httpx.AsyncClient alike."""
    return {
        "base_url": url,
        "timeout": timeout,
        "headers": {"content-type": "application/json", "user-agent": f"engram/{__version__}"},
        # A proxy from the environment never leads to a node on this machine.
        "trust_env": urlsplit(url).hostname not in LOOPBACK,
    }


def answer_from(reply: httpx.Response) -> Answer:
    return Answer(reply.status_code, reply.content, reply.headers.get("retry-after"))


def unreachable_because(url: str, error: httpx.HTTPError) -> ServerUnreachable:
    """The error for a request that got no answer, in the words of its cause."""
    if isinstance(error, httpx.TimeoutException):
        return unreachable(url, "it took too long")
    reason = re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__
    return unreachable(url, reason[:1].lower() + reason[1:])

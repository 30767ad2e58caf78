"""Asking nodes over HTTP, several at once; a silent one delays nobody for long."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

TIMEOUT_S = 3.0
AT_ONCE = 16


def ask_all(urls: Sequence[str]) -> list[dict[str, Any] | None]:
    """The JSON object at each URL; None where there is none."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(ask, urls))


def ask(url: str) -> dict[str, Any] | None:
    try:
        reply = httpx.get(url, timeout=TIMEOUT_S, trust_env=False)
        body = reply.json() if reply.is_success else None
    except (httpx.HTTPError, ValueError):
        return None
    return body if isinstance(body, dict) else None

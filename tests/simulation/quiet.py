"""What nodes log in a simulation: nothing is printed, and what they call unexpected fails it."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog

UNEXPECTED = {
    "unexpected error",
    "a background turn failed and will be repeated",
}


BUSY = re.compile(r"^engram\.errors\.(Overloaded|StorageFull|NotReady): .*\Z", re.MULTILINE)
"""A disk that is slow or full is a fault like others: the turn is repeated."""


class Unexpected(AssertionError):
    """A node met an exception that it does not know."""


class Collected:
    """Keeps what must not happen."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> str:
        if event["event"] in UNEXPECTED and not BUSY.search(event.get("exception", "")):
            self.found.append(str(event))
        raise structlog.DropEvent


@contextmanager
def loud_only() -> Iterator[None]:
    """Raises Unexpected at the end if a node logged an exception that it did not expect."""
    before = structlog.get_config()
    collected = Collected()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, collected],
        cache_logger_on_first_use=False,
    )
    try:
        yield
        if collected.found:
            raise Unexpected(collected.found[0])
    finally:
        structlog.configure(**before)

"""What the gateway needs of a network of miners, or of a single one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from engram.sdk.items import Item
from engram.sdk.results import Outcomes


class Writes(Protocol):
    """Where records are stored. ``AsyncEngramNetwork`` and ``AsyncEngramClient`` are such places.

    Raises Unavailable and ServerUnreachable when nothing was stored for now.
    """

    async def ingest_many(self, items: Iterable[Item]) -> Outcomes:
        """Store texts; one Ingested or Failed for each, in order. Again is no harm."""
        ...

"""Side texts that come with copies: no CID covers them, so they are embedded again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from engram.core import embedding_bytes
from engram.errors import RefusedHere
from engram.miner.replication.frame import Copy
from engram.miner.replication.interface import Shelf

Embed = Callable[[str], Awaitable[bytes | None]]
"""A text to the 1,536 bytes that every exact embedder makes of it; None on an inexact node.

Raises Overloaded or NotReady."""

AT_ONCE = 8  # texts looked up and embedded; everybody's reads and ingests stand in the same lines


class SideText(NamedTuple):
    """What is kept beside a record."""

    text: str | None
    verified: bool = True
    """False: nobody here could check it, so it is not served."""


NONE = SideText(None)


class SideTexts:
    """Decides which side texts are kept."""

    def __init__(self, shelf: Shelf, embed: Embed) -> None:
        self._shelf = shelf
        self._embed = embed
        self._places = asyncio.Semaphore(AT_ONCE)

    async def of(self, copy: Copy) -> SideText:
        """The text if this node's embedder makes the record's very bits of it.

        One that the metadata overrides is dropped, and so is one for a record whose text is here
        already: the first that passes stays. Raises Overloaded or NotReady.
        """
        if copy.text is None or "text" in copy.metadata:
            return NONE
        async with self._places:
            if await self._has_one(copy.cid):
                return NONE
            made = await self._embed(copy.text)
        if made is None:
            return SideText(copy.text, verified=False)
        return SideText(copy.text) if made == embedding_bytes(copy.embedding) else NONE

    async def _has_one(self, cid: str) -> bool:
        """True if embedding would be for nothing."""
        try:
            record = await self._shelf.get(cid)
        except RefusedHere:
            return True
        return record is not None and record.text is not None

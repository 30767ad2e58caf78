"""The asyncio face of the batcher: requests that arrive together are embedded together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from engram.core import embedding_bytes
from engram.embedding.batcher import Batcher
from engram.embedding.interface import Embedded, Embedder
from engram.errors import EngramError
from engram.miner.landing import Landing

T = TypeVar("T")
A = TypeVar("A")


class MinerEmbedder:
    """Text to vector for many connections at once. Queries go ahead of ingests.

    ``name``, ``exact`` and ``fallback`` are those of ``embedder``, in front of which ``batcher``
    stands. ``batch_share`` is the number of texts that batches may have in the queue, all
    together, so that a few large batches neither fail nor crowd out single requests.
    """

    def __init__(
        self,
        embedder: Embedder,
        batcher: Batcher,
        *,
        deadline_s: float,
        landing: Landing,
        batch_share: int,
    ) -> None:
        self.batcher = batcher
        self.name = embedder.name
        self.exact = embedder.exact
        self.fallback = embedder.fallback
        self.waiting = 0
        self._deadline_s = deadline_s
        self._landing = landing
        self._batch_share = asyncio.Semaphore(batch_share)

    async def embed(self, text: str, *, urgent: bool) -> Embedded:
        """One text. Raises Overloaded when too many wait."""
        future = self.batcher.submit(text, urgent)
        self.waiting += 1
        try:
            return await self._landing.wait(future, self._deadline_s)
        finally:
            self.waiting -= 1
            future.cancel()  # nobody waits any more: if it has not begun, it need not

    async def exact_bytes(self, text: str) -> bytes | None:
        """The 1,536 bytes that every exact embedder makes of a text; None if this is not one.

        Raises Overloaded when too many wait.
        """
        if not self.exact:
            return None
        return embedding_bytes((await self.embed(text, urgent=False)).vector)

    async def in_turn(
        self, embed: Callable[[A], Awaitable[T]], items: Sequence[A]
    ) -> list[T | EngramError]:
        """Embed a batch's items within the share of batches; one result or error for each."""

        async def one(item: A) -> T | EngramError:
            async with self._batch_share:
                try:
                    return await embed(item)
                except EngramError as error:
                    return error

        return await asyncio.gather(*[one(item) for item in items])

    def close(self) -> None:
        """Finish what runs and stop the threads. Blocks."""
        self.batcher.close()

"""Ingest: embed, make the CID, write durably, then answer."""

from __future__ import annotations

from collections.abc import Sequence

from engram.core import generate_cid
from engram.errors import EngramError, InexactEmbedder
from engram.miner.draft import Attempt, Draft, Json, Sealed, attempt, check, draft_of, prepare
from engram.miner.embedder import MinerEmbedder
from engram.miner.node import Node
from engram.miner.replication.spread import Placed
from engram.protocol import IngestRequest


class Ingest:
    """Takes records in, one or many at a time."""

    def __init__(self, node: Node) -> None:
        self.node = node

    async def one(self, request: IngestRequest) -> Json:
        """Store one record and return its IngestReply.

        Raises InvalidInput, RefusedHere, InexactEmbedder, StorageFull, Overloaded or NotReady;
        then nothing was stored. TooFewReplicas: it is stored, but not yet in enough places.
        """
        check(request)
        draft = draft_of(request) if request.text is None else await self._embed(request)
        cid = generate_cid(draft.embedding, request.metadata)
        [placed] = await self.node.put([draft.record(cid)], [request.min_replicas])
        self.node.metrics.count_ingests([placed])
        return reply_or_raise(draft, placed)

    async def many(self, requests: Sequence[Attempt[IngestRequest]]) -> list[Attempt[Json]]:
        """One outcome for each, in order; a bad one does not spoil the others.

        Raises StorageFull, Overloaded or NotReady for all of them; then nothing was stored.
        """
        sound = [attempt(check, r) if isinstance(r, IngestRequest) else r for r in requests]
        drafts = await self._embed_texts(sound)
        sealed = await self.node.bulk.run(prepare, drafts)
        placed = await self._put([each for each in sealed if isinstance(each, Sealed)])
        self.node.metrics.count_ingests(placed)
        next_placed = iter(placed)
        return [
            outcome(each.draft, next(next_placed)) if isinstance(each, Sealed) else each
            for each in sealed
        ]

    async def _put(self, sealed: Sequence[Sealed]) -> list[Placed | Exception]:
        if not sealed:
            return []
        minima = [each.draft.request.min_replicas for each in sealed]
        return await self.node.put([each.record for each in sealed], minima)

    async def _embed(self, request: IngestRequest) -> Draft:
        assert request.text is not None
        embedder = self.node.embedder
        if self.node.public_chain and not embedder.exact:
            raise inexact(embedder)
        vector, truncated = await embedder.embed(request.text, urgent=False)
        return Draft(request, vector, truncated, embedder.exact)

    async def _embed_texts(
        self, requests: list[Attempt[IngestRequest]]
    ) -> list[Attempt[IngestRequest | Draft]]:
        """The same list, each text replaced by its draft or by the error that embedding it met."""
        texts = [
            (place, request)
            for place, request in enumerate(requests)
            if isinstance(request, IngestRequest) and request.text is not None
        ]
        drafts: list[Attempt[IngestRequest | Draft]] = [*requests]
        if texts:
            made = await self.node.embedder.in_turn(self._embed, [request for _, request in texts])
            for (place, _), draft in zip(texts, made, strict=True):
                drafts[place] = draft
        return drafts


def inexact(embedder: MinerEmbedder) -> InexactEmbedder:
    """Why this node takes no texts on a public chain, and what the caller can do."""
    return InexactEmbedder(
        f"This node embeds by {embedder.name}, whose last digits differ from machine to machine, "
        "so it makes no CIDs of texts on a public chain. Send the embedding with the text in "
        'metadata["text"] (the SDK does, after `pip install engram-network[core]`), or send the '
        "text to another node."
    )


def reply_or_raise(draft: Draft, placed: Placed | Exception) -> Json:
    """The reply to one ingest, or the error that its record met."""
    if isinstance(placed, Exception):
        raise placed
    return draft.reply(placed.stored, placed.replicas)


def outcome(draft: Draft, placed: Placed | Exception) -> Attempt[Json]:
    """The same for an item of a batch, where an error is the item's own outcome."""
    if isinstance(placed, EngramError):
        return placed
    return reply_or_raise(draft, placed)

"""Ingest: embed, make the CID, write durably, then answer."""

from __future__ import annotations

from collections.abc import Sequence

from engram.core import generate_cid
from engram.errors import EngramError, InexactEmbedder
from engram.miner.draft import Attempt, Draft, Json, Sealed, attempt, check, draft_of, prepare
from engram.miner.embedder import MinerEmbedder
from engram.miner.node import Node
from engram.protocol import IngestRequest
from engram.storage.interface import Stored


class Ingest:
    """Takes records in, one or many at a time."""

    def __init__(self, node: Node) -> None:
        self.node = node

    async def one(self, request: IngestRequest) -> Json:
        """Store one record and return its IngestReply.

        Raises InvalidInput, RefusedHere, InexactEmbedder, StorageFull, Overloaded or NotReady;
        then nothing was stored.
        """
        check(request)
        draft = draft_of(request) if request.text is None else await self._embed(request)
        cid = generate_cid(draft.embedding, request.metadata)
        [stored] = await self.node.store.put([draft.record(cid)])
        self.node.metrics.count_ingests([stored])
        return reply_or_raise(draft, stored)

    async def many(self, requests: Sequence[Attempt[IngestRequest]]) -> list[Attempt[Json]]:
        """One outcome for each, in order; a bad one does not spoil the others.

        Raises StorageFull, Overloaded or NotReady for all of them; then nothing was stored.
        """
        store = self.node.store
        sound = [attempt(check, r) if isinstance(r, IngestRequest) else r for r in requests]
        drafts = await self._embed_texts(sound)
        sealed = await self.node.bulk.run(prepare, drafts)
        records = [each.record for each in sealed if isinstance(each, Sealed)]
        stored = await store.put(records) if records else []
        self.node.metrics.count_ingests(stored)
        next_stored = iter(stored)
        return [
            outcome(each.draft, next(next_stored)) if isinstance(each, Sealed) else each
            for each in sealed
        ]

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


def reply_or_raise(draft: Draft, stored: Stored | Exception) -> Json:
    """The reply to one ingest, or the error that its record met."""
    if isinstance(stored, Exception):
        raise stored
    return draft.reply(stored)


def outcome(draft: Draft, stored: Stored | Exception) -> Attempt[Json]:
    """The same for an item of a batch, where an error is the item's own outcome."""
    if isinstance(stored, EngramError):
        return stored
    return reply_or_raise(draft, stored)

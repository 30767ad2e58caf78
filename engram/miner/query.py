"""Query: embed the question if it is text, then search."""

from __future__ import annotations

from engram.core.where import Where, parse_where
from engram.miner.draft import Json, one_of, vector_of
from engram.miner.node import Node
from engram.protocol import QueryRequest
from engram.storage.interface import Embedding, Hit


class Query:
    """Finds the records nearest to a text or a vector."""

    def __init__(self, node: Node) -> None:
        self.node = node

    async def one(self, request: QueryRequest) -> Json:
        """QueryReply for one request. Raises InvalidInput, Overloaded or NotReady."""
        started = self.node.monotonic()
        one_of(request, "query_text", "query_vector", "query_b64")
        where = where_of(request.where)
        hits = await self._search(request, where)
        return {
            "results": [self._result(hit) for hit in hits],
            "latency_ms": round((self.node.monotonic() - started) * 1000, 3),
            "error": None,
            "warnings": [],
        }

    async def _search(self, request: QueryRequest, where: Where | None) -> list[Hit]:
        store = self.node.store
        self.node.searching += 1
        try:
            return await store.search(await self._vector(request), request.top_k, where)
        finally:
            self.node.searching -= 1

    async def _vector(self, request: QueryRequest) -> Embedding:
        if request.query_text is None:
            return vector_of(request.query_vector, request.query_b64)
        return (await self.node.embedder.embed(request.query_text, urgent=True)).vector

    def _result(self, hit: Hit) -> Json:
        return {
            "cid": hit.cid,
            "score": hit.score,
            "metadata": hit.metadata,
            "text": hit.text,
            "age_ms": self.node.age_ms(hit.stored_at),
        }


def where_of(clause: Json | None) -> Where | None:
    """The parsed filter; an absent or empty one matches everything. Raises InvalidWhere."""
    return parse_where(clause) if clause else None

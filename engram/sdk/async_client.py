"""The client for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from engram.sdk import wire
from engram.sdk.exchange import (
    Exchange,
    Flow,
    Pause,
    RetryPolicy,
    Step,
    Work,
    checked_url,
)
from engram.sdk.items import Item, Vector
from engram.sdk.own_embedder import Embed, OwnEmbedder
from engram.sdk.results import (
    Ingested,
    Metadata,
    Outcomes,
    Page,
    Proof,
    Record,
    Results,
    Stats,
    Verification,
)
from engram.sdk.transport import answer_from, http_options, unreachable_because

T = TypeVar("T")


class AsyncEngramClient:
    """One node, over pooled connections, for one event loop.

    ``embed`` says who makes the embeddings of texts. ``"auto"``: this machine if the exact embedder
    runs here, so that the CID is known before anything is sent, else the node. ``"local"``: this
    machine, by whichever embedder it has. ``"remote"``: the node. Or an embedder of your own.

    ``timeout`` is in seconds for each request. Every call raises the EngramError that the server
    named, ServerError for one that this version does not know, ServerUnreachable, or CidMismatch if
    the node stored something else than it was sent.
    """

    def __init__(
        self,
        url: str,
        *,
        embed: Embed = "auto",
        timeout: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
        retry: RetryPolicy | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.url = checked_url(url)
        self._http = httpx.AsyncClient(transport=transport, **http_options(self.url, timeout))
        self._own = OwnEmbedder(embed)
        self._exchange = Exchange(retry or RetryPolicy(), self._own)
        self._sleep = sleep

    async def ingest(
        self, text: str, metadata: Metadata | None = None, *, min_replicas: int | None = None
    ) -> Ingested:
        """Store a text. It also goes into ``metadata["text"]``, so that the CID covers it.

        With ``min_replicas`` (1..3) it raises TooFewReplicas unless that many holders acknowledge
        it in time. The record stays stored then, under ``details["cid"]``.
        """
        return await self.result(wire.ingest(text, metadata, min_replicas=min_replicas))

    async def ingest_embedding(
        self, vector: Vector, metadata: Metadata | None = None, *, min_replicas: int | None = None
    ) -> Ingested:
        """Store a vector: 384 numbers, or a float32 array of shape (384,). Else as ``ingest``."""
        call = wire.ingest_embedding(vector, metadata, min_replicas=min_replicas)
        return await self.result(call)

    async def ingest_many(self, items: Iterable[Item]) -> Outcomes:
        """Store texts or JSONL objects in batches; one Ingested or Failed for each, in order.

        Raises CidMismatch as soon as the node names another CID than one of them has.
        """
        return await self._run(self._exchange.ingest_many(items))

    async def query(self, text: str, top_k: int = 10, where: Metadata | None = None) -> Results:
        """The records nearest to a text; ``top_k`` is 1..100."""
        return await self.result(wire.query(text, top_k, where))

    async def query_by_vector(
        self, vector: Vector, top_k: int = 10, where: Metadata | None = None
    ) -> Results:
        """The records nearest to a vector; ``top_k`` is 1..100."""
        return await self.result(wire.query_by_vector(vector, top_k, where))

    async def get(self, cid: str) -> Record:
        """One record. Raises NotFound, RefusedHere if the operator deleted it, or CidMismatch if
        the node answers with another. Its bytes are not checked here: see ``verify``."""
        return await self.result(wire.get(cid))

    async def page(
        self, limit: int = 100, cursor: str | None = None, where: Metadata | None = None
    ) -> Page:
        """Up to ``limit`` (1..1,000) records in order of arrival."""
        return await self.result(wire.page(limit, cursor, where))

    async def list(
        self, where: Metadata | None = None, *, page_size: int = 100
    ) -> AsyncIterator[Record]:
        """Every record in order of arrival, fetched a page at a time."""
        cursor = None
        while True:
            page = await self.page(page_size, cursor, where)
            for record in page.records:
                yield record
            if (cursor := page.cursor) is None:
                return

    async def has(self, cids: Sequence[str]) -> dict[str, int]:
        """Age in milliseconds of those of up to 1,000 CIDs that the node holds."""
        return await self.result(wire.has(cids))

    async def verify(self, cid: str, *, metadata: Metadata | None = None) -> Verification:
        """Fetch a record and recompute its CID here, so that the node need not be trusted.

        ``metadata`` is compared with the record's if given. The text is embedded again by this
        machine's embedder, unless there is none or the client was made with ``embed="remote"``.
        """
        from engram.sdk.verification import check  # brings numpy, which nothing else here needs

        record = await self.get(cid)
        judge = partial(check, record, cid, metadata=metadata, embedder=self._own.for_checking)
        return await asyncio.to_thread(judge)

    async def challenge(self, cid: str, nonce_hex: str, expires_at: int, version: int = 1) -> Proof:
        """Ask for a storage proof over a nonce of 32 bytes; ``expires_at`` is in unix seconds."""
        return await self.result(wire.challenge(cid, nonce_hex, expires_at, version))

    async def health(self) -> str:
        """``ok`` if the process answers."""
        return await self.result(wire.health())

    async def ready(self) -> str:
        """``ready`` once index and embedder are loaded; raises NotReady before."""
        return await self.result(wire.ready())

    async def stats(self) -> Stats:
        """The node's counters."""
        return await self.result(wire.stats())

    async def result(self, call: wire.Call[T]) -> T:
        """Make a call of ``engram.sdk.wire``."""
        return await self._run(self._exchange.result(call))

    async def body(self, call: wire.Call[Any]) -> Any:
        """Make a call of ``engram.sdk.wire``; the reply's JSON.

        Where a text was embedded here, ``truncated`` and ``exact`` say what this machine knows.
        """
        return await self._run(self._exchange.body(call))

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _run(self, flow: Flow[T]) -> T:
        answer: Any = None
        while True:
            try:
                step = flow.send(answer)
            except StopIteration as done:
                result: T = done.value
                return result
            answer = await self._take(step)

    async def _take(self, step: Step) -> Any:
        if isinstance(step, Work):
            return await asyncio.to_thread(step.do)
        if isinstance(step, Pause):
            await self._sleep(step.seconds)
            return None
        try:
            reply = await self._http.request(step.method, step.path, content=step.content)
        except httpx.HTTPError as error:
            raise unreachable_because(self.url, error) from error
        return answer_from(reply)

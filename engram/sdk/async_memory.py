"""Memory for asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from engram.sdk.async_client import AsyncEngramClient
from engram.sdk.async_local import AsyncLocalClient
from engram.sdk.backend import AsyncBackend
from engram.sdk.items import Item, as_items
from engram.sdk.memory import check_place, open_backend
from engram.sdk.outcomes import all_stored
from engram.sdk.own_embedder import Embed
from engram.sdk.results import Hit, Ingested, Metadata, Record, Stats, Verification
from engram.sdk.scope import DEFAULT, Namespace, Scope


class AsyncMemory:
    """Memory whose calls are awaited; a folder is opened and read on worker threads.

        async with AsyncMemory("./mem") as memory:
            await memory.add("The oak in the yard was planted in 1911.")

    Everything else is as in Memory.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        url: str | None = None,
        namespace: str | None = "default",
        embed: Embed = "auto",
        timeout: float = 30.0,
    ) -> None:
        self.place = url if path is None else str(path)
        self.namespace = namespace
        self._backend = open_async_backend(path, url, embed, timeout)

    async def add(
        self,
        text: str,
        metadata: Metadata | None = None,
        *,
        namespace: Namespace = DEFAULT,
        user_id: str | None = None,
    ) -> Ingested:
        """Store a text; it is on disk and searchable on return.

        The text also goes into ``metadata["text"]``, so that the CID covers it.
        """
        item = self._scope(namespace, user_id).item(text, metadata)
        return await self._backend.ingest(item["text"], item["metadata"])

    async def add_many(
        self,
        items: Iterable[Item],
        *,
        namespace: Namespace = DEFAULT,
        user_id: str | None = None,
    ) -> list[Ingested]:
        """Store texts, or objects with ``text`` or ``raw_embedding`` and ``metadata``.

        Raises the first item's error, naming its position, once the others are stored; storing
        them all again changes nothing but what was missing.
        """
        scope = self._scope(namespace, user_id)
        return all_stored(
            await self._backend.ingest_many(scope.item(one) for one in as_items(items))
        )

    async def search(
        self,
        query: str,
        k: int = 10,
        where: Metadata | None = None,
        *,
        namespace: Namespace = DEFAULT,
        user_id: str | None = None,
        documents: bool = False,
    ) -> list[Hit]:
        """The ``k`` (1..100) nearest records, highest score first.

        ``where`` filters on metadata, e.g. ``{"page": {"$gte": 3}}``. Records of
        ``type: document`` are left out unless ``documents`` is true or ``where`` names ``type``.
        """
        narrowed = self._scope(namespace, user_id).where(where, documents=documents)
        return list(await self._backend.query(query, k, narrowed))

    async def get(self, cid: str) -> Record:
        """One record by its CID, from any namespace. Raises NotFound."""
        return await self._backend.get(cid)

    async def list(
        self,
        where: Metadata | None = None,
        *,
        namespace: Namespace = DEFAULT,
        user_id: str | None = None,
    ) -> AsyncIterator[Record]:
        """Every record in order of arrival, fetched as it is needed."""
        narrowed = self._scope(namespace, user_id).where(where)
        cursor = None
        while True:
            page = await self._backend.page(100, cursor, narrowed)
            for record in page.records:
                yield record
            if (cursor := page.cursor) is None:
                return

    async def verify(self, cid: str, *, metadata: Metadata | None = None) -> Verification:
        """Recompute the CID here from the record's own bytes; compare ``metadata`` if given."""
        return await self._backend.verify(cid, metadata=metadata)

    async def stats(self) -> Stats:
        """Counters: ``vectors`` is the number of records in all namespaces."""
        return await self._backend.stats()

    async def close(self) -> None:
        """Release the folder or the connections."""
        await self._backend.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncMemory({self.place!r}, namespace={self.namespace!r})"

    def _scope(self, namespace: Namespace, user_id: str | None) -> Scope:
        return Scope(self.namespace if namespace is DEFAULT else namespace, user_id)


def open_async_backend(
    path: str | Path | None, url: str | None, embed: Embed, timeout: float
) -> AsyncBackend:
    """A client for the URL, or the folder, which is opened on first use."""
    check_place(path, url, embed)
    if url is not None:
        return AsyncEngramClient(url, embed=embed, timeout=timeout)
    return AsyncLocalClient(lambda: open_backend(path, None, embed, timeout))

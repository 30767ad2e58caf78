"""Memory: one line to store, one line to search."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from engram.errors import InvalidInput
from engram.sdk.backend import Backend
from engram.sdk.client import EngramClient
from engram.sdk.items import Item, as_items
from engram.sdk.outcomes import all_stored
from engram.sdk.own_embedder import Embed, OwnEmbedder
from engram.sdk.results import Hit, Ingested, Metadata, Record, Stats, Verification
from engram.sdk.scope import DEFAULT, Namespace, Scope


class Memory:
    """Texts that are found again by what they mean, and can be proved to be what was stored.

        Memory("./mem")                            # a folder of this machine, in this process
        Memory(url="http://127.0.0.1:8091")        # an Engram node

    A folder is yours alone. What you store on a node of the public network is public and
    permanent: a namespace scopes a search, it does not hide anything.

    With a node, ``embed`` says who makes the embeddings of texts: see EngramClient. A folder is
    always embedded by this machine.

    ``namespace`` is where records are written and searched; a call may name another, and None
    writes none and searches all. Thread-safe. Close it, or use ``with``.

    Raises StoreLocked if another process has the folder open, ModelMissing when a text comes and
    the model is not installed (``engram model install``), ServerUnreachable, and CidMismatch if a
    node stored something else than it was sent.
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
        self._backend = open_backend(path, url, embed, timeout)

    def add(
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
        return self._backend.ingest(item["text"], item["metadata"])

    def add_many(
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
        scoped = (scope.item(one) for one in as_items(items))
        return all_stored(self._backend.ingest_many(scoped))

    def search(
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
        return list(self._backend.query(query, k, narrowed))

    def get(self, cid: str) -> Record:
        """One record by its CID, from any namespace. Raises NotFound."""
        return self._backend.get(cid)

    def list(
        self,
        where: Metadata | None = None,
        *,
        namespace: Namespace = DEFAULT,
        user_id: str | None = None,
    ) -> Iterator[Record]:
        """Every record in order of arrival, fetched as it is needed."""
        narrowed = self._scope(namespace, user_id).where(where)
        cursor = None
        while True:
            page = self._backend.page(100, cursor, narrowed)
            yield from page.records
            if (cursor := page.cursor) is None:
                return

    def verify(self, cid: str, *, metadata: Metadata | None = None) -> Verification:
        """Recompute the CID here from the record's own bytes; compare ``metadata`` if given."""
        return self._backend.verify(cid, metadata=metadata)

    def stats(self) -> Stats:
        """Counters: ``vectors`` is the number of records in all namespaces."""
        return self._backend.stats()

    def close(self) -> None:
        """Release the folder or the connections."""
        self._backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Memory({self.place!r}, namespace={self.namespace!r})"

    def _scope(self, namespace: Namespace, user_id: str | None) -> Scope:
        return Scope(self.namespace if namespace is DEFAULT else namespace, user_id)


def open_backend(path: str | Path | None, url: str | None, embed: Embed, timeout: float) -> Backend:
    """A client for the URL, or the folder opened here. Raises InvalidInput unless it is one."""
    check_place(path, url, embed)
    if url is not None:
        return EngramClient(url, embed=embed, timeout=timeout)
    # Imported here: a program that talks to a node needs no store, index or model.
    from engram.sdk.local import LocalClient

    return LocalClient(path or "", embedder=None if isinstance(embed, str) else embed)


def check_place(path: str | Path | None, url: str | None, embed: Embed) -> None:
    """Raise InvalidInput unless exactly one of a folder and a URL is given, and can embed so."""
    if (path is None) == (url is None):
        raise InvalidInput('Name one place: Memory("./mem") or Memory(url="http://...").')
    if str(path).startswith(("http://", "https://")):
        raise InvalidInput(f'{path} is a URL; say Memory(url="{path}").')
    OwnEmbedder(embed)
    if url is None and embed == "remote":
        raise InvalidInput("A folder has no node that could embed; embed='remote' goes with url=.")

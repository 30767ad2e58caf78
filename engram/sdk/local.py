"""A node's records without the node: the same store, embedder and checks, in this process."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from engram import __version__
from engram.config import EmbedderSettings, StoreSettings, read_settings
from engram.core import BACKEND, parse_cid
from engram.core import embedding as vectors
from engram.core.where import Where, parse_where
from engram.embedding.interface import Embedder
from engram.errors import EngramError, ModelMissing, NotFound
from engram.net.decode import decode
from engram.protocol import ListRequest, QueryRequest
from engram.sdk import items, wire
from engram.sdk.items import Item
from engram.sdk.local_ingest import LocalIngest
from engram.sdk.model import LazyModel
from engram.sdk.own_embedder import shared_embedder
from engram.sdk.results import (
    Failed,
    Hit,
    Ingested,
    Metadata,
    Outcome,
    Outcomes,
    Page,
    Record,
    Results,
    Stats,
    Verification,
)
from engram.sdk.verification import check
from engram.storage import EmbeddedStore, open_store
from engram.storage.interface import Hit as StoredHit
from engram.storage.interface import Record as StoredRecord


class LocalClient:
    """What EngramClient does, on a folder of this machine. Thread-safe.

    Raises StoreLocked if another process has the folder open, ModelMissing when the first text
    comes and the model is not installed, and the errors that a node would name.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        store: StoreSettings | None = None,
        embedder: EmbedderSettings | Embedder | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._model = _model(embedder)
        folder = Path(path).expanduser()
        self._store = open_store(folder, store or read_settings(StoreSettings), clock=clock)
        self._ingest = LocalIngest(self._store, self._model)
        self._opened_at = clock()
        # Also when the last reference goes, and at exit: threads of FAISS and onnxruntime that
        # outlive the interpreter abort the process.
        self._release = weakref.finalize(self, _release, self._model, self._store)

    def ingest(self, text: str, metadata: Metadata | None = None) -> Ingested:
        """Store a text. It also goes into ``metadata["text"]``, so that the CID covers it."""
        [outcome] = self._ingest.store([wire.ingest(text, metadata).content or b""])
        if isinstance(outcome, EngramError):
            raise outcome
        return outcome

    def ingest_many(self, given: Iterable[Item]) -> Outcomes:
        """Store texts or JSONL objects; one Ingested or Failed for each, in order."""
        outcomes: Outcomes = []
        for chunk in items.chunks(given):
            encoded = [items.attempt(_encoded, one) for one in chunk]
            outcomes += map(_as_outcome, self._ingest.store(encoded))
        return outcomes

    def query(self, text: str, top_k: int = 10, where: Metadata | None = None) -> Results:
        """The records nearest to a text; ``top_k`` is 1..100."""
        started = time.perf_counter()
        request, warnings = decode(wire.query(text, top_k, where).content or b"", QueryRequest)
        [embedded] = self._model.embed([text], urgent=True)
        found = self._store.search(embedded.vector, request.top_k, _filter(request.where))
        now = self._clock()
        hits = tuple(_hit(one, now) for one in found)
        return Results(hits, (time.perf_counter() - started) * 1000, tuple(warnings))

    def get(self, cid: str) -> Record:
        """One record. Raises NotFound, or RefusedHere if it was deleted."""
        parse_cid(cid)
        record = self._store.get(cid)
        if record is None:
            raise NotFound(f"No record {cid} in this memory.")
        return _record(record)

    def page(
        self, limit: int = 100, cursor: str | None = None, where: Metadata | None = None
    ) -> Page:
        """Up to ``limit`` (1..1,000) records in order of arrival."""
        content = wire.page(limit, cursor, where).content or b""
        request = decode(content, ListRequest).message
        page = self._store.list(request.limit, request.cursor, _filter(request.where))
        return Page(tuple(_record(one) for one in page.records), page.cursor)

    def verify(self, cid: str, *, metadata: Metadata | None = None) -> Verification:
        """Recompute the CID and, if the model is installed, the embedding of the text."""
        record = self.get(cid)
        return check(record, cid, metadata=metadata, embedder=self._installed_embedder)

    def stats(self) -> Stats:
        """The same counters as a node's /stats, as far as a folder has them."""
        counts = self._store.stats()
        embedder = self._model.loaded
        return Stats(
            vectors=counts.records,
            uptime=self._clock() - self._opened_at,
            version=__version__,
            core=BACKEND,
            embedder=embedder.name if embedder else "",
            exact=bool(embedder and embedder.exact),
            embedder_fallback=embedder.fallback if embedder else None,
            store=asdict(counts),
        )

    def close(self) -> None:
        """Commit what is queued and release the folder. Twice is once."""
        self._release()

    def _installed_embedder(self) -> Embedder | None:
        try:
            return self._model.load()[0]
        except ModelMissing:
            return None


def _model(given: EmbedderSettings | Embedder | None) -> LazyModel:
    settings = given if isinstance(given, EmbedderSettings) else read_settings(EmbedderSettings)
    own = None if isinstance(given, EmbedderSettings) else given
    return LazyModel(
        lambda: own or shared_embedder(settings),
        threads=settings.embed_threads,
        queue=settings.embed_queue,
    )


def _encoded(given: Item) -> bytes:
    return items.encode(items.item(given))


def _release(model: LazyModel, store: EmbeddedStore) -> None:
    model.close()
    store.close()


def _filter(where: Metadata | None) -> Where | None:
    return None if where is None else parse_where(where)


def _hit(found: StoredHit, now: float) -> Hit:
    age_ms = max(0, round((now - found.stored_at) * 1000))
    return Hit(found.cid, found.score, found.metadata, found.text, age_ms)


def _record(held: StoredRecord) -> Record:
    return Record(
        cid=held.cid,
        model_version=held.model_version,
        metadata=held.metadata,
        embedding_b64=vectors.to_base64(held.embedding),
        text=held.text,
        stored_at=held.stored_at,
    )


def _as_outcome(one: Ingested | EngramError) -> Outcome:
    return Failed(one.message, one.code) if isinstance(one, EngramError) else one

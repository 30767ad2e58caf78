"""What every vector store promises, whatever keeps the bytes.

Every call blocks and may be made from any thread; nothing here knows about asyncio.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from engram.core.where import Where

Embedding = NDArray[np.float32]
"""float32, shape (384,), exactly the components that the CID covers (not normalised)."""

Metadata = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A validated record on its way in: its CID is already that of its bytes."""

    cid: str
    embedding: Embedding
    metadata: Metadata
    text: str | None = None
    """Side text: outside the CID, kept only when the metadata has no ``text`` of its own."""
    model_version: str = "v1"
    text_verified: bool = True
    """False for side text that came with a copy and that nobody here could check: it is kept, and
    not served, until a verified one replaces it."""
    deliver_to: tuple[int, ...] = ()
    """Seats (``Member.seat``) that the record is to be sent to, queued in the same commit."""


class Delivery(NamedTuple):
    """A record that waits in the outbox for a seat."""

    cid: str
    queued_at: float
    """Unix seconds."""


@dataclass(frozen=True, slots=True)
class Record:
    """A stored record. ``sequence`` grows with every commit and is never used twice."""

    sequence: int
    cid: str
    embedding: Embedding
    metadata: Metadata
    text: str | None
    """What a reader sees: ``metadata["text"]`` if it is a string, else the side text."""
    model_version: str
    stored_at: float
    """Unix seconds, by this node's clock; outside the CID."""
    text_verified: bool = True
    """False: there is a side text that is kept and not served; ``text`` is None then."""


class Stored(NamedTuple):
    """The outcome of one put, known to be on disk."""

    cid: str
    duplicate: bool
    """True if the record was there before."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One search result. ``score`` is the cosine similarity, -1..1."""

    cid: str
    score: float
    metadata: Metadata
    text: str | None
    stored_at: float


@dataclass(frozen=True, slots=True)
class Page:
    """Records in order of arrival; ``cursor`` is None on the last page."""

    records: list[Record]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class StoreStats:
    """A moment's counts, for /stats, /metrics and ``engram status``."""

    records: int
    vectors: int
    """Distinct vectors."""
    indexed: int
    """Vectors in the approximate index."""
    tail: int
    """Vectors searched exactly because the index does not have them yet."""
    deleted: int
    """Tombstones."""
    disk_bytes: int
    last_sequence: int
    snapshot_sequence: int
    rebuilding: bool
    detail: dict[str, Any] = field(default_factory=dict)


class VectorStore(Protocol):
    """Durable records and a search over them.

    Errors raised: RefusedHere (the CID carries a tombstone), StorageFull, Overloaded (the exact
    tail is full), StoreCorrupt (bytes on disk that do not hash to their CID).
    """

    def submit(self, records: Sequence[NewRecord]) -> Future[list[Stored | Exception]]:
        """Queue records for the next group commit.

        The future resolves once they are on disk and searchable, with one outcome for each
        record in order: Stored, or the exception (RefusedHere) that this record alone met.
        Fails as a whole with StorageFull or Overloaded; then nothing was stored.
        """
        ...

    def search(self, vector: Embedding, top_k: int, where: Where | None = None) -> list[Hit]:
        """The ``top_k`` nearest records that match, highest score first, ties by CID."""
        ...

    def get(self, cid: str) -> Record | None:
        """One record, or None. Raises RefusedHere for a tombstone, StoreCorrupt for bad bytes."""
        ...

    def embeddings(self, cids: Sequence[str]) -> list[bytes | None]:
        """The little-endian float32 bytes of each record, in order; None where unknown."""
        ...

    def has(self, cids: Sequence[str]) -> dict[str, float]:
        """``stored_at`` (unix seconds) of those that are held."""
        ...

    def scan(self) -> Iterator[Record]:
        """Every record in order of arrival, from one consistent view."""
        ...

    def delete(self, cid: str) -> bool:
        """Write a tombstone; True if the record was held. Survives restart and import."""
        ...

    def forget(self, cids: Sequence[str]) -> int:
        """Remove records without tombstones, as copies that are no longer this node's; how many.

        What waits in the outbox for any of them is removed too.
        """
        ...

    def digests(self) -> NDArray[np.uint8]:
        """The digests in the CIDs of all living records, shape (n, 32), ascending; a copy."""
        ...

    def refused(self) -> NDArray[np.uint8]:
        """The digests in the CIDs of all tombstones, shape (n, 32), ascending."""
        ...

    def enqueue(self, deliveries: Sequence[tuple[int, str]]) -> int:
        """Queue (seat, CID) pairs in the outbox, on disk when it returns; how many were new.

        CIDs that are not held are passed over.
        """
        ...

    def waiting(self) -> dict[int, int]:
        """Seat to the number of records that wait for it; seats without any are left out."""
        ...

    def outbox(self, seat: int, limit: int, after: str | None = None) -> list[Delivery]:
        """Up to ``limit`` deliveries to a seat in order of CID, those beyond ``after``."""
        ...

    def delivered(self, seat: int, cids: Sequence[str]) -> None:
        """Take these off the outbox: acknowledged, refused for good, or no longer due."""
        ...

    def drop_seats(self, seats: Sequence[int]) -> int:
        """Take everything for these seats off the outbox; how many deliveries."""
        ...

    def list(self, limit: int, cursor: str | None = None, where: Where | None = None) -> Page:
        """A page of records in order of arrival. Raises InvalidInput for a foreign cursor."""
        ...

    def undelete(self, cid: str) -> bool:
        """Lift a tombstone, so that the CID may be stored again; True if there was one."""
        ...

    def stats(self) -> StoreStats:
        """Counts, cheap enough for every scrape."""
        ...

    def drain(self, timeout: float | None = None) -> bool:
        """Wait until every vector is in the index; False if the timeout (seconds) ran out."""
        ...

    def snapshot(self) -> None:
        """Write the index to disk now."""
        ...

    def close(self) -> None:
        """Commit what is queued, write a snapshot if it is worth one, release the directory."""
        ...

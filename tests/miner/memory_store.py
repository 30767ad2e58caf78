"""A vector store in a dict, for tests of what stands in front of a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import NamedTuple

import numpy as np

from engram.core.where import Where, matches
from engram.errors import InvalidInput, RefusedHere
from engram.storage.interface import Embedding, Hit, NewRecord, Page, Record, Stored, StoreStats


class Held(NamedTuple):
    """A put whose disk does not answer."""

    future: Future[list[Stored | Exception]]
    records: Sequence[NewRecord]


class MemoryStore:
    """Keeps records in order of arrival; each put resolves at once unless it is held back."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.tombstones: set[str] = set()
        self.failure: Exception | None = None
        self.held_back: list[Held] | None = None
        self.submits: list[int] = []

    def submit(self, records: Sequence[NewRecord]) -> Future[list[Stored | Exception]]:
        self.submits.append(len(records))
        future: Future[list[Stored | Exception]] = Future()
        if self.failure is not None:
            future.set_exception(self.failure)
        elif self.held_back is not None:
            self.held_back.append(Held(future, records))
        else:
            future.set_result([self._put(record) for record in records])
        return future

    def release(self) -> None:
        """Let the puts that were held back succeed, and those that follow."""
        held, self.held_back = self.held_back or [], None
        for future, records in held:
            future.set_result([self._put(record) for record in records])

    def _put(self, new: NewRecord) -> Stored | Exception:
        if new.cid in self.tombstones:
            return RefusedHere(f"The operator of this node deleted {new.cid}.")
        duplicate = new.cid in self.records
        if not duplicate:
            own = new.metadata.get("text")
            self.records[new.cid] = Record(
                sequence=len(self.records) + 1,
                cid=new.cid,
                embedding=new.embedding,
                metadata=new.metadata,
                text=own if isinstance(own, str) else new.text,
                model_version=new.model_version,
                stored_at=1_700_000_000.0 + len(self.records),
            )
        return Stored(new.cid, duplicate)

    def search(self, vector: Embedding, top_k: int, where: Where | None = None) -> list[Hit]:
        found = [r for r in self.records.values() if where is None or matches(where, r.metadata)]
        hits = [
            Hit(r.cid, cosine(vector, r.embedding), r.metadata, r.text, r.stored_at) for r in found
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.cid))[:top_k]

    def get(self, cid: str) -> Record | None:
        if cid in self.tombstones:
            raise RefusedHere(f"The operator of this node deleted {cid}.")
        return self.records.get(cid)

    def embeddings(self, cids: Sequence[str]) -> list[bytes | None]:
        return [
            self.records[cid].embedding.tobytes() if cid in self.records else None for cid in cids
        ]

    def has(self, cids: Sequence[str]) -> dict[str, float]:
        return {cid: self.records[cid].stored_at for cid in cids if cid in self.records}

    def list(self, limit: int, cursor: str | None = None, where: Where | None = None) -> Page:
        if cursor is not None and not cursor.isdigit():
            raise InvalidInput("The cursor is not one of ours.")
        start = int(cursor or 0)
        page = [r for r in self.scan() if where is None or matches(where, r.metadata)]
        end = start + limit
        return Page(page[start:end], str(end) if end < len(page) else None)

    def scan(self) -> Iterator[Record]:
        yield from self.records.values()

    def delete(self, cid: str) -> bool:
        self.tombstones.add(cid)
        return self.records.pop(cid, None) is not None

    def undelete(self, cid: str) -> bool:
        lifted = cid in self.tombstones
        self.tombstones.discard(cid)
        return lifted

    def stats(self) -> StoreStats:
        count = len(self.records)
        return StoreStats(count, count, 0, count, len(self.tombstones), 0, count, 0, False)

    def drain(self, timeout: float | None = None) -> bool:
        return True

    def snapshot(self) -> None:
        pass

    def close(self) -> None:
        pass


def cosine(left: Embedding, right: Embedding) -> float:
    a, b = left.astype(np.float64), right.astype(np.float64)
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))

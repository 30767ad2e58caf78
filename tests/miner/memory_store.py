"""A vector store in a dict, for tests of what stands in front of a store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engram.core import parse_cid
from engram.core.where import Where, matches
from engram.errors import InvalidInput, NotReady, RefusedHere
from engram.storage.interface import (
    Delivery,
    Embedding,
    Hit,
    NewRecord,
    Page,
    Record,
    Stored,
    StoreStats,
)

EPOCH = 1_700_000_000.0


class Held(NamedTuple):
    """A put whose disk does not answer."""

    future: Future[list[Stored | Exception]]
    records: Sequence[NewRecord]


class MemoryStore:
    """Keeps records in order of arrival; each put resolves at once unless it is held back."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.tombstones: set[str] = set()
        self.queued: dict[int, dict[str, float]] = {}
        self.failure: Exception | None = None
        self.held_back: list[Held] | None = None
        self.submits: list[int] = []
        self.sequence = 0
        self.closed = False

    def submit(self, records: Sequence[NewRecord]) -> Future[list[Stored | Exception]]:
        self.submits.append(len(records))
        future: Future[list[Stored | Exception]] = Future()
        if self.closed:
            future.set_exception(NotReady("the store is closed"))
        elif self.failure is not None:
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
        known = self.records.get(new.cid)
        if known is None:
            self.sequence += 1
            self.records[new.cid] = first_put(new, self.sequence)
        elif known.text is None and side_text(new) is not None:
            self.records[new.cid] = with_side_text(known, new)
        self.enqueue([(seat, new.cid) for seat in new.deliver_to])
        return Stored(new.cid, known is not None)

    def search(self, vector: Embedding, top_k: int, where: Where | None = None) -> list[Hit]:
        self._require_open()
        found = [r for r in self.records.values() if where is None or matches(where, r.metadata)]
        hits = [
            Hit(r.cid, cosine(vector, r.embedding), r.metadata, r.text, r.stored_at) for r in found
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.cid))[:top_k]

    def get(self, cid: str) -> Record | None:
        self._require_open()
        parse_cid(cid)
        if cid in self.tombstones:
            raise RefusedHere(f"The operator of this node deleted {cid}.")
        return self.records.get(cid)

    def embeddings(self, cids: Sequence[str]) -> list[bytes | None]:
        return [
            self.records[cid].embedding.tobytes() if cid in self.records else None for cid in cids
        ]

    def has(self, cids: Sequence[str]) -> dict[str, float]:
        return {cid: self.records[cid].stored_at for cid in cids if cid in self.records}

    def digests(self) -> NDArray[np.uint8]:
        return digests_of(self.records)

    def refused(self) -> NDArray[np.uint8]:
        return digests_of(self.tombstones)

    def enqueue(self, deliveries: Sequence[tuple[int, str]]) -> int:
        before = sum(self.waiting().values())
        for seat, cid in deliveries:
            if cid in self.records:
                self.queued.setdefault(seat, {}).setdefault(cid, EPOCH)
        return sum(self.waiting().values()) - before

    def waiting(self) -> dict[int, int]:
        return {seat: len(queued) for seat, queued in self.queued.items() if queued}

    def outbox(self, seat: int, limit: int, after: str | None = None) -> list[Delivery]:
        queued = sorted(self.queued.get(seat, {}).items())
        return [Delivery(*item) for item in queued if after is None or item[0] > after][:limit]

    def delivered(self, seat: int, cids: Sequence[str]) -> None:
        for cid in cids:
            self.queued.get(seat, {}).pop(cid, None)

    def drop_seats(self, seats: Sequence[int]) -> int:
        return sum(len(self.queued.pop(seat, {})) for seat in seats)

    def list(self, limit: int, cursor: str | None = None, where: Where | None = None) -> Page:
        if cursor is not None and not cursor.startswith("memory-"):
            raise InvalidInput("The cursor is not one of ours.")
        after = int((cursor or "memory-0").removeprefix("memory-"))
        found = [
            r
            for r in self.scan()
            if r.sequence > after and (not where or matches(where, r.metadata))
        ]
        page = found[:limit]
        return Page(page, f"memory-{page[-1].sequence}" if len(found) > limit else None)

    def scan(self) -> Iterator[Record]:
        return iter([*self.records.values()])

    def delete(self, cid: str) -> bool:
        self._require_open()
        self.tombstones.add(cid)
        return bool(self.forget([cid]))

    def forget(self, cids: Sequence[str]) -> int:
        for queued in self.queued.values():
            for cid in cids:
                queued.pop(cid, None)
        return sum(self.records.pop(cid, None) is not None for cid in cids)

    def undelete(self, cid: str) -> bool:
        lifted = cid in self.tombstones
        self.tombstones.discard(cid)
        return lifted

    def stats(self) -> StoreStats:
        count, deleted = len(self.records), len(self.tombstones)
        return StoreStats(count, count, 0, count, deleted, 0, self.sequence, 0, False)

    def drain(self, timeout: float | None = None) -> bool:
        return True

    def snapshot(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    def _require_open(self) -> None:
        if self.closed:
            raise NotReady("the store is closed")


def side_text(new: NewRecord) -> str | None:
    return None if "text" in new.metadata else new.text


def first_put(new: NewRecord, sequence: int) -> Record:
    own, beside = new.metadata.get("text"), side_text(new)
    served = own if isinstance(own, str) else beside if new.text_verified else None
    return Record(
        sequence=sequence,
        cid=new.cid,
        embedding=new.embedding,
        metadata=new.metadata,
        text=served,
        model_version=new.model_version,
        stored_at=EPOCH + sequence - 1,
        text_verified=new.text_verified or beside is None,
    )


def with_side_text(known: Record, new: NewRecord) -> Record:
    """A record without a text to serve, after a put that brings one."""
    if new.text_verified:
        return replace(known, text=side_text(new), text_verified=True)
    return replace(known, text_verified=False)


def digests_of(cids: Iterable[str]) -> NDArray[np.uint8]:
    joined = bytearray().join(sorted(map(parse_cid, cids)))
    return np.frombuffer(joined, np.uint8).reshape(-1, 32)


def cosine(left: Embedding, right: Embedding) -> float:
    a, b = left.astype(np.float64), right.astype(np.float64)
    return float(np.float32(a @ b / (np.linalg.norm(a) * np.linalg.norm(b))))

"""What a simulated node has on its disk: it outlives the process, and may be damaged or wiped."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from engram.core import parse_cid
from engram.core.where import Where, matches
from engram.errors import InvalidInput, NotReady, RefusedHere, StorageFull, StoreCorrupt
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

T = TypeVar("T")

CURSOR = "sim-"
Call = Callable[[], list[Stored | Exception]]


class Watcher(Protocol):
    """Sees records come and go."""

    def arrived(self, disk: Disk, cid: str) -> None: ...
    def left(self, disk: Disk, cid: str) -> None: ...


class Nobody:
    """Watches nothing."""

    def arrived(self, disk: Disk, cid: str) -> None:
        pass

    def left(self, disk: Disk, cid: str) -> None:
        pass


class Disk:
    """A VectorStore in memory. Every call is one transaction, on disk when it returns.

    Search is exact. A damaged record is discovered when it is read, and is gone from then on.
    """

    def __init__(
        self, name: str = "", clock: Callable[[], float] = time.time, watcher: Watcher | None = None
    ) -> None:
        self.name = name
        self.clock = clock
        self.watcher = watcher or Nobody()
        self.commit: Callable[[Call], Future[list[Stored | Exception]]] = at_once
        """How puts are committed; a process that mounts the disk has its own way."""
        self.full = False
        self.records: dict[str, Record] = {}
        self.damaged: set[str] = set()
        self.tombstones: dict[str, float] = {}
        self.queue: dict[int, dict[str, float]] = {}
        self._sequence = 0
        self._closed = False
        self._digests: NDArray[np.uint8] | None = None
        self._units: tuple[list[Record], NDArray[np.float32]] | None = None

    def wipe(self) -> None:
        """An empty disk in the place of this one."""
        for cid in list(self.records):
            self._remove(cid)
        self.tombstones.clear()
        self.queue.clear()

    def damage(self, cid: str) -> None:
        """Flip bits of a record. Whoever counts copies is told now, the node when it reads it."""
        self.damaged.add(cid)
        self.watcher.left(self, cid)

    def submit(self, records: Sequence[NewRecord]) -> Future[list[Stored | Exception]]:
        return self.commit(partial(self.put, records))

    def put(self, records: Sequence[NewRecord]) -> list[Stored | Exception]:
        self._require_open()
        if self.full:
            raise StorageFull("the simulated disk is full", retry_after=1)
        return [self._put(record) for record in records]

    def _put(self, new: NewRecord) -> Stored | Exception:
        if new.cid in self.tombstones:
            return RefusedHere(f"{new.cid} was deleted by the operator of this node")
        held = self.records.get(new.cid)
        if held is None:
            self._add(new)
        else:
            self.records[new.cid] = with_text_of(new, held)
        self.enqueue([(seat, new.cid) for seat in new.deliver_to])
        return Stored(new.cid, held is not None)

    def _add(self, new: NewRecord) -> None:
        self._sequence += 1
        own = new.metadata.get("text")
        side = new.text if new.text_verified else None
        self.records[new.cid] = Record(
            sequence=self._sequence,
            cid=new.cid,
            embedding=new.embedding,
            metadata=new.metadata,
            text=own if isinstance(own, str) else None if "text" in new.metadata else side,
            model_version=new.model_version,
            stored_at=self.clock(),
            text_verified=new.text_verified or new.text is None or "text" in new.metadata,
        )
        self._changed()
        self.watcher.arrived(self, new.cid)

    def _remove(self, cid: str) -> bool:
        if self.records.pop(cid, None) is None:
            return False
        for waiting in self.queue.values():
            waiting.pop(cid, None)
        self._changed()
        if cid in self.damaged:
            self.damaged.discard(cid)
        else:
            self.watcher.left(self, cid)
        return True

    def _changed(self) -> None:
        self._digests = self._units = None

    def _intact(self, cid: str) -> Record | None:
        """The record, unless it is not there, or its damage is discovered now."""
        if cid in self.damaged:
            self._remove(cid)
        return self.records.get(cid)

    def search(self, vector: Embedding, top_k: int, where: Where | None = None) -> list[Hit]:
        self._require_open()
        for cid in sorted(self.damaged):
            self._intact(cid)
        records, units = self._normalised()
        if not records:
            return []
        scores = units @ (vector / np.linalg.norm(vector.astype(np.float64))).astype(np.float32)
        order = np.lexsort((np.arange(len(records)), -scores)).tolist()
        found = (n for n in order if where is None or matches(where, records[n].metadata))
        return [hit(records[n], float(scores[n])) for n in islice(found, top_k)]

    def _normalised(self) -> tuple[list[Record], NDArray[np.float32]]:
        """The records by CID, so that ties are in their order, and their unit vectors."""
        if self._units is None:
            records = [self.records[cid] for cid in sorted(self.records)]
            rows = np.array([r.embedding for r in records], np.float64).reshape(-1, 384)
            units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
            self._units = records, units.astype(np.float32)
        return self._units

    def get(self, cid: str) -> Record | None:
        self._require_open()
        parse_cid(cid)
        if cid in self.damaged:
            self._remove(cid)
            raise StoreCorrupt(f"{cid} is damaged on disk: its bytes do not hash to its CID")
        if cid in self.tombstones:
            raise RefusedHere(f"{cid} was deleted by the operator of this node")
        return self.records.get(cid)

    def embeddings(self, cids: Sequence[str]) -> list[bytes | None]:
        self._require_open()
        found = [self._intact(cid) for cid in cids]
        return [record.embedding.tobytes() if record else None for record in found]

    def has(self, cids: Sequence[str]) -> dict[str, float]:
        self._require_open()
        return {cid: self.records[cid].stored_at for cid in cids if cid in self.records}

    def scan(self) -> Iterator[Record]:
        return iter(sorted(self.records.values(), key=lambda record: record.sequence))

    def delete(self, cid: str) -> bool:
        self._require_open()
        held = self._remove(cid)
        self.tombstones[cid] = self.clock()
        return held

    def undelete(self, cid: str) -> bool:
        return self.tombstones.pop(cid, None) is not None

    def forget(self, cids: Sequence[str]) -> int:
        return sum([self._remove(cid) for cid in cids])

    def digests(self) -> NDArray[np.uint8]:
        if self._digests is None:
            self._digests = digest_rows(self.records)
        return self._digests.copy()

    def refused(self) -> NDArray[np.uint8]:
        return digest_rows(self.tombstones)

    def enqueue(self, deliveries: Sequence[tuple[int, str]]) -> int:
        now, new = self.clock(), 0
        for seat, cid in deliveries:
            waiting = self.queue.setdefault(seat, {})
            if cid in self.records and cid not in waiting:
                waiting[cid] = now
                new += 1
        return new

    def waiting(self) -> dict[int, int]:
        return {seat: len(cids) for seat, cids in self.queue.items() if cids}

    def outbox(self, seat: int, limit: int, after: str | None = None) -> list[Delivery]:
        waiting = self.queue.get(seat, {})
        cids = sorted(waiting)
        start = bisect_right(cids, after) if after is not None else 0
        return [Delivery(cid, waiting[cid]) for cid in cids[start : start + limit]]

    def delivered(self, seat: int, cids: Sequence[str]) -> None:
        waiting = self.queue.get(seat, {})
        for cid in cids:
            waiting.pop(cid, None)

    def drop_seats(self, seats: Sequence[int]) -> int:
        return sum(len(self.queue.pop(seat, {})) for seat in seats)

    def stats(self) -> StoreStats:
        count, dead = len(self.records), len(self.tombstones)
        return StoreStats(count, count, 0, count, dead, 0, self._sequence, 0, False)

    def drain(self, timeout: float | None = None) -> bool:
        return True

    def snapshot(self) -> None:
        pass

    def close(self) -> None:
        self._closed = True

    def list(self, limit: int, cursor: str | None = None, where: Where | None = None) -> Page:
        self._require_open()
        after = sequence_of(cursor)
        found = (
            record
            for cid, record in sorted(self.records.items(), key=lambda item: item[1].sequence)
            if record.sequence > after
            and cid not in self.damaged
            and (where is None or matches(where, record.metadata))
        )
        page = list(islice(found, limit + 1))
        more = len(page) > limit
        return Page(page[:limit], f"{CURSOR}{page[limit - 1].sequence}" if more else None)

    def _require_open(self) -> None:
        if self._closed:
            raise NotReady("the store is closed")


def at_once(call: Call) -> Future[list[Stored | Exception]]:
    """A commit that takes no time."""
    future: Future[list[Stored | Exception]] = Future()
    try:
        future.set_result(call())
    except (NotReady, StorageFull) as error:
        future.set_exception(error)
    return future


def with_text_of(new: NewRecord, held: Record) -> Record:
    """What is held once the same record came again: its side text may be the first, or better."""
    if "text" in held.metadata or new.text is None or held.text is not None:
        return held
    if not new.text_verified:
        return replace(held, text_verified=False)
    return replace(held, text=new.text, text_verified=True)


def hit(record: Record, score: float) -> Hit:
    return Hit(record.cid, score, record.metadata, record.text, record.stored_at)


def digest_rows(cids: Iterable[str]) -> NDArray[np.uint8]:
    """The digests in CIDs, shape (n, 32), ascending."""
    joined = bytes.fromhex("".join(cid.removeprefix("v1::") for cid in sorted(cids)))
    return np.frombuffer(joined, np.uint8).reshape(-1, 32)


def sequence_of(cursor: str | None) -> int:
    """Where a page ended. Raises InvalidInput for a cursor that none of these disks gave."""
    if cursor is None:
        return 0
    number = cursor.removeprefix(CURSOR)
    if number == cursor or not number.isdecimal():
        raise InvalidInput("the cursor is not one that this node gave")
    return int(number)

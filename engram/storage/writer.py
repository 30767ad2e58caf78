"""One thread that commits whatever waits, as one transaction, and then makes it searchable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import groupby
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
import orjson

from engram.errors import EngramError, NotReady, Overloaded, RefusedHere, StorageFull, StoreError
from engram.storage.catalogue import fresh_rows
from engram.storage.health import Loop
from engram.storage.interface import NewRecord, Stored
from engram.storage.records import Records, Row, cid_of, digest_of
from engram.storage.state import State, disk_bytes

Outcomes = list[Stored | Exception]

_RECORDS_PER_COMMIT = 1_024
_ROW_OVERHEAD_BYTES = 256  # indices, row headers and the log's share, when guessing a row's size
_RETRY_AFTER_S = 1.0


@dataclass(slots=True)
class Put:
    """Records that wait to be committed."""

    records: Sequence[NewRecord]
    digests: list[bytes]
    future: Future[Outcomes] = field(default_factory=Future)


@dataclass(slots=True)
class Delete:
    """A CID that waits for its tombstone."""

    digest: bytes
    future: Future[bool] = field(default_factory=Future)


@dataclass(slots=True)
class Undelete:
    """A tombstone that waits to be lifted."""

    digest: bytes
    future: Future[bool] = field(default_factory=Future)


Operation = Put | Delete | Undelete


class Writer:
    """The queue of operations and the thread that works it off."""

    def __init__(
        self, records: Records, state: State, clock: Callable[[], float], wake: Callable[[], None]
    ) -> None:
        self._records = records
        self._state = state
        self._clock = clock
        self._wake_drainer = wake
        self._queue: SimpleQueue[Operation | None] = SimpleQueue()
        self._closed = False
        self._stopping = False
        self._next_sequence = records.last_sequence() + 1
        self._loop = Loop("writer", self._turn, state.health)
        self._loop.start()

    def put(self, records: Sequence[NewRecord]) -> Future[Outcomes]:
        """Queue records. The future fails with Overloaded at once when there is no room."""
        operation = Put(records, [digest_of(record.cid) for record in records])
        with self._state.room:
            if self._closed:
                operation.future.set_exception(NotReady("the store is closed"))
            elif self._state.free_places() <= 0:
                operation.future.set_exception(
                    Overloaded(
                        "vectors arrive faster than they can be indexed; wait and repeat",
                        retry_after=_RETRY_AFTER_S,
                    )
                )
            else:
                self._state.pending += len(records)
                self._queue.put(operation)
        return operation.future

    def change(self, operation: Delete | Undelete) -> bool:
        """Queue a delete or undelete behind what waits, and wait for it."""
        with self._state.room:
            if self._closed:
                raise NotReady("the store is closed")
            self._queue.put(operation)
        return operation.future.result()

    def close(self) -> None:
        """Commit what is queued and stop."""
        with self._state.room:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._loop.hurry()
        self._loop.join()

    def _turn(self) -> bool:
        operations = [] if self._stopping else self._take()
        try:
            for kind, group in groupby(operations, type):
                if kind is Put:
                    self._commit(list(group))  # type: ignore[arg-type]
                else:
                    for operation in group:
                        self._change(operation)
        finally:
            self._settle(operations)
        return not self._stopping

    def _take(self) -> list[Operation]:
        """Wait for an operation and take what waits with it, up to one commit's worth."""
        operations: list[Operation] = []
        records = 0
        operation = self._queue.get()
        while operation is not None:
            operations.append(operation)
            records += len(operation.records) if isinstance(operation, Put) else 0
            if records >= _RECORDS_PER_COMMIT:
                return operations
            try:
                operation = self._queue.get_nowait()
            except Empty:
                return operations
        self._stopping = True
        return operations

    def _settle(self, operations: Iterable[Operation]) -> None:
        """No future is left open, whatever happened, and the places are free again."""
        for operation in operations:
            if not operation.future.done():
                operation.future.set_exception(StoreError("the writer failed; see the log"))
        with self._state.room:
            self._state.pending -= sum(len(o.records) for o in operations if isinstance(o, Put))
            self._state.room.notify_all()

    def _commit(self, puts: list[Put]) -> None:
        records = [record for put in puts for record in put.records]
        digests = [digest for put in puts for digest in put.digests]
        try:
            outcomes = self._store(records, digests)
        except EngramError as error:
            for put in puts:
                put.future.set_exception(error)
            return
        start = 0
        for put in puts:
            put.future.set_result(outcomes[start : start + len(put.records)])
            start += len(put.records)

    def _store(self, records: list[NewRecord], digests: list[bytes]) -> Outcomes:
        refused, held = self._records.refused_and_held(digests)
        duplicate = _repeats(digests, refused | held)
        rows = self._rows(
            (record, digest)
            for record, digest, again in zip(records, digests, duplicate, strict=True)
            if not again
        )
        texts = self._missing_texts(records, digests, duplicate)
        self._require_space(rows)
        self._state.require_whole()
        if rows or texts:
            self._records.insert(rows, texts)
            self._next_sequence += len(rows)
        if rows:
            self._state.append(fresh_rows(rows)[0])
            self._wake_drainer()
        return [
            _refusal(record.cid) if digest in refused else Stored(record.cid, again)
            for record, digest, again in zip(records, digests, duplicate, strict=True)
        ]

    def _rows(self, fresh: Iterable[tuple[NewRecord, bytes]]) -> list[Row]:
        now = self._clock()
        return [
            Row(
                sequence,
                digest,
                np.ascontiguousarray(record.embedding, "<f4").tobytes(),
                orjson.dumps(record.metadata),
                _side_text(record),
                record.model_version,
                now,
            )
            for sequence, (record, digest) in enumerate(fresh, self._next_sequence)
        ]

    def _missing_texts(
        self, records: list[NewRecord], digests: list[bytes], duplicate: list[bool]
    ) -> list[tuple[str, bytes]]:
        """Side texts that come with a repeated put, for records that were stored without one."""
        offered = {
            digest: text
            for record, digest, again in zip(records, digests, duplicate, strict=True)
            if again and (text := _side_text(record)) is not None
        }
        lacking = self._records.without_text(list(offered)) if offered else set()
        return [(text, digest) for digest, text in offered.items() if digest in lacking]

    def _require_space(self, rows: list[Row]) -> None:
        limit = self._state.settings.max_disk_bytes
        if limit is None or not rows:
            return
        size = sum(len(r.embedding) + len(r.metadata) + _ROW_OVERHEAD_BYTES for r in rows)
        if disk_bytes(self._state.folder) + size > limit:
            raise StorageFull(
                f"the store has reached its share of the disk ({limit} bytes); reads go on",
                retry_after=60,
            )

    def _change(self, operation: Any) -> None:
        try:
            if isinstance(operation, Delete):
                sequence = self._records.delete(operation.digest, self._clock())
                if sequence is not None:
                    self._state.remove(cid_of(operation.digest), sequence)
                    self._wake_drainer()
                operation.future.set_result(sequence is not None)
            else:
                operation.future.set_result(self._records.undelete(operation.digest))
        except EngramError as error:
            operation.future.set_exception(error)


def _repeats(digests: Iterable[bytes], known: set[bytes]) -> list[bool]:
    """Whether each digest is known, or came before in the same list."""
    repeats = []
    for digest in digests:
        repeats.append(digest in known)
        known.add(digest)
    return repeats


def _side_text(record: NewRecord) -> str | None:
    return None if "text" in record.metadata else record.text


def _refusal(cid: str) -> RefusedHere:
    return RefusedHere(f"{cid} was deleted by the operator of this node")

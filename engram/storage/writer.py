"""One thread that commits whatever waits, as one transaction, and then makes it searchable."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from functools import partial
from itertools import groupby
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from engram.errors import EngramError, NotReady, Overloaded, StorageFull, StoreError
from engram.storage.catalogue import fresh_rows
from engram.storage.health import Loop
from engram.storage.interface import NewRecord
from engram.storage.operations import Change, Operation, Outcomes, Put
from engram.storage.puts import PutGroup
from engram.storage.records import Records
from engram.storage.row import digest_of
from engram.storage.state import State, disk_bytes

log = logging.getLogger(__name__)

T = TypeVar("T")
Groups = list[list[Operation]]
"""Operations in order: runs of puts, and of anything else."""

_ROWS_PER_COMMIT = 1_024
_RETRY_AFTER_S = 1.0


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

    def change(self, operation: Change[T]) -> T:
        """Queue a change behind what waits, and wait for it."""
        return self.request(operation).result()

    def request(self, operation: Change[T]) -> Future[T]:
        """Queue a change behind what waits. Raises NotReady."""
        with self._state.room:
            if self._closed:
                raise NotReady("the store is closed")
            self._queue.put(operation)
        return operation.future

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
            if operations:
                self._work([list(run) for _, run in groupby(operations, _is_put)])
        finally:
            self._settle(operations)
        return not self._stopping

    def _take(self) -> list[Operation]:
        """Wait for an operation and take what waits with it, up to one commit's worth."""
        operations: list[Operation] = []
        rows = 0
        operation = self._queue.get()
        while operation is not None:
            operations.append(operation)
            rows += len(operation.records) if isinstance(operation, Put) else operation.size
            if rows >= _ROWS_PER_COMMIT:
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

    def _work(self, groups: Groups) -> None:
        """All in one transaction; if that fails, each by itself, so that none fails for another."""
        sequence = self._next_sequence
        try:
            with self._records.committing():
                written = [self._write(group) for group in groups]
        except EngramError as error:
            self._next_sequence = sequence
            if len(groups) > 1:
                for group in groups:
                    self._work([group])
            else:
                for operation in groups[0]:
                    operation.future.set_exception(error)
            return
        for publish in written:
            publish()

    def _write(self, group: list[Operation]) -> Callable[[], None]:
        """Write one group; what is left to do once it is on disk."""
        puts = [operation for operation in group if isinstance(operation, Put)]
        if puts:
            return self._write_puts(PutGroup(puts))
        changes = [operation for operation in group if isinstance(operation, Change)]
        self._require_space(sum(change.grows for change in changes))
        for change in changes:
            change.result = change.apply(self._records, self._clock())
        return partial(self._publish_changes, changes)

    def _write_puts(self, group: PutGroup) -> Callable[[], None]:
        now = self._clock()
        group.sort(self._records, self._state.damaged, self._next_sequence, now)
        self._require_space(group.size())
        self._state.require_whole()
        group.write(self._records, now)
        self._next_sequence += len(group.rows)
        return partial(self._publish_puts, group)

    def _publish_puts(self, group: PutGroup) -> None:
        if group.rows:
            self._state.append(fresh_rows(group.rows)[0], group.replaced)
            self._wake_drainer()
        group.answer()

    def _publish_changes(self, changes: Iterable[Change[Any]]) -> None:
        for change in changes:
            change.publish(self._state)
            change.future.set_result(change.result)
        self._wake_drainer()

    def _require_space(self, size: int) -> None:
        limit = self._state.settings.max_disk_bytes
        if limit is not None and size and disk_bytes(self._state.folder) + size > limit:
            raise StorageFull(
                f"the store has reached its share of the disk ({limit} bytes); reads go on",
                retry_after=60,
            )


def _is_put(operation: Operation) -> bool:
    return isinstance(operation, Put)

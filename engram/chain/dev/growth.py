"""The chain grows: due blocks are made by whoever looks next, with the epochs among them."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Iterator

from engram.chain.dev import blocks, clock, epoch, events, subnets

MOST_EPOCHS = 100  # made up for at once, about a second for a full subnet's


def is_due(connection: sqlite3.Connection, now: float) -> bool:
    """True if there is something to do for ``catch_up``."""
    head = blocks.head(connection).number
    time = clock.read(connection)
    return time.due(now, head) > head or time.was_set_back(now, head)


def catch_up(connection: sqlite3.Connection, now: float) -> None:
    """Make the blocks that are due. After a long sleep the rest of the time is skipped."""
    head = blocks.head(connection).number
    time = clock.read(connection)
    if time.was_set_back(now, head):
        clock.set_anchor(connection, head, now)
        return
    due = time.due(now, head)
    last = _bounded(connection, head, due)
    make(connection, last)
    if last < due:
        clock.set_anchor(connection, last, now)
        events.record(connection, last, "skipped", blocks=due - last)


def advance(connection: sqlite3.Connection, count: int, now: float) -> None:
    """Make ``count`` blocks now, whatever the clock says; it goes on from there."""
    last = blocks.head(connection).number + count
    make(connection, last)
    clock.set_anchor(connection, last, now)


def make(connection: sqlite3.Connection, last: int) -> None:
    """Make every block up to ``last``, and run the epochs among them in order."""
    head = blocks.head(connection).number
    blocks.extend(connection, last)
    for block, netuid in _epochs(connection, head):
        if block > last:
            break
        epoch.run(connection, subnets.get(connection, netuid), block)


def _bounded(connection: sqlite3.Connection, head: int, due: int) -> int:
    """The block up to which there are no more than the most epochs."""
    for number, (block, _) in enumerate(_epochs(connection, head)):
        if block > due:
            return due
        if number == MOST_EPOCHS:
            return block - 1
    return due


def _epochs(connection: sqlite3.Connection, after: int) -> Iterator[tuple[int, int]]:
    """(block, netuid) of the epochs after a block, in order, without end."""
    every = {subnet.netuid: subnet for subnet in subnets.every(connection)}
    waiting = [(subnet.next_epoch(after), netuid) for netuid, subnet in every.items()]
    heapq.heapify(waiting)
    while waiting:
        block, netuid = waiting[0]
        yield block, netuid
        heapq.heapreplace(waiting, (every[netuid].next_epoch(block), netuid))

"""What another member lacks: whose part it is to send it, and the queueing of that."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engram.core.ranges import Digests
from engram.dht import Member, RoutingTable
from engram.miner.replication.doubts import Doubts
from engram.miner.replication.holdings import Placed, Shared
from engram.miner.replication.interface import Clock
from engram.miner.replication.spans import cids_of

QUEUED_AT_ONCE = 4_096  # deliveries of one commit


class Queue(Protocol):
    """See ``Outbox``."""

    @property
    def waiting(self) -> Mapping[int, int]: ...
    async def queue(self, deliveries: Sequence[tuple[int, str]], *, ask_first: bool) -> int: ...


@dataclass(frozen=True, slots=True)
class Missing:
    """Records that a member lacks and this node could send."""

    count: int
    for_long: bool
    """True if some were missing at an earlier comparison already."""
    queued: int
    """New in the outbox."""


class Shortfall:
    """The first living holder in order other than the one that lacks a record sends it, at once.

    Another one does if the record is still missing ``wait_s`` (seconds) later.
    """

    def __init__(self, table: RoutingTable, outbox: Queue, clock: Clock, wait_s: float) -> None:
        self._table = table
        self._outbox = outbox
        self._doubts = Doubts(clock, wait_s)

    async def make_up(self, member: Member, shared: Shared, lacking: Digests) -> Missing:
        """Queue what is this node's to send. Tombstones are nobody's to send."""
        if not len(lacking):
            return Missing(0, for_long=False, queued=0)
        missing, due, for_long = await asyncio.to_thread(self._sort, member, shared, lacking)
        queued = 0
        for start in range(0, len(due), QUEUED_AT_ONCE):
            cids = await asyncio.to_thread(cids_of, due[start : start + QUEUED_AT_ONCE])
            pairs = [(member.seat, cid) for cid in cids]
            queued += await self._outbox.queue(pairs, ask_first=True)
        return Missing(missing, for_long, queued)

    def none(self, member: Member) -> None:
        """Nothing is missing there."""
        self._doubts.forget(member.seat)

    def _sort(self, member: Member, shared: Shared, lacking: Digests) -> tuple[int, Digests, bool]:
        """How many can be sent, which of them are due, and whether any was missing before."""
        rows = np.sort(shared.rows_of(lacking))
        rows = rows[~shared.placed.contents.refused[rows]]
        digests = shared.placed.contents.digests[rows]
        ripe = self._doubts.ripe(member.seat, digests)
        due = digests[ripe | self._is_first(shared.placed, rows, member.uid)]
        return len(digests), due, bool(ripe.any())

    def _is_first(self, placed: Placed, rows: NDArray[np.intp], lacking: int) -> NDArray[np.bool_]:
        """Where this node is the first holder other than the one that lacks the record."""
        local = self._table.local
        holders = placed.holders[rows]
        first = np.where(holders[:, 0] == lacking, holders[:, 1], holders[:, 0])
        return np.asarray(first == local.uid) if local else np.zeros(len(rows), np.bool_)

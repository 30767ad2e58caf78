"""Copies that are not this node's to hold: brought to their holders, then forgotten.

A node has such copies as the receiver of an ingest, as a stand-in, and whenever placement moves.
The records that a validator found in want of holders are looked after in the same way.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence

import numpy as np
import structlog

from engram.core.ranges import Digests, key_of, keys_of
from engram.dht import Member
from engram.miner.replication.custody import Charge, Custody
from engram.miner.replication.holders import Holders
from engram.miner.replication.holdings import Holdings
from engram.miner.replication.interface import Clock, Shelf
from engram.miner.replication.spans import cids_of
from engram.net.background import attempted
from engram.protocol import MAX_HAS

LOOKS = 20  # in one interval
AFTER_CHANGE = 10  # a part of the interval: 30 s of 300, when comparisons have gone first
PAGES = 4  # of MAX_HAS copies in one turn; more must each be paid for by a missing copy
FETCHED_BACK = 512  # records in one turn, from each of their holders: 8 requests to each at most
MOST_REQUESTED = 10_000  # CIDs of POST /repair that wait; whoever asked will ask again

log = structlog.get_logger("engram.replication")


class Sweep:
    """Goes through all foreign copies, page by page, again and again.

    A copy older than ``keep_s`` is forgotten once each of its holders gave the record back whole.
    A sweep begins where ``chance`` says: so even a node that always restarts gets to all of them.
    ``every_s``: seconds between turns.
    """

    def __init__(
        self,
        *,
        holders: Holders,
        holdings: Holdings,
        shelf: Shelf,
        custody: Custody,
        clock: Clock,
        chance: random.Random,
        every_s: float,
        keep_s: float,
    ) -> None:
        self._holders = holders
        self._holdings = holdings
        self._shelf = shelf
        self._custody = custody
        self._clock = clock
        self._every_s = every_s
        self._keep_s = keep_s
        self._position = chance.randbytes(32)
        self._requested: dict[str, None] = {}
        self._members: tuple[Member, ...] = ()
        self._due_at = float("-inf")
        self.foreign = 0
        """Copies that were not this node's at the last turn."""
        self.forgotten = 0
        """Since the start."""
        self.missing = 0
        """Copies that holders were found to lack, each time that they were."""

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await attempted("sweep", self.turn)
            await self._clock.sleep(self._every_s / LOOKS)

    async def look_after(self, cids: Sequence[str]) -> int:
        """Have the holders of these seen to within seconds; how many are held here."""
        held = await self._shelf.has(cids)
        room = MOST_REQUESTED - len(self._requested)
        taken = [cid for cid in held if cid in self._requested or (room := room - 1) >= 0]
        self._requested.update(dict.fromkeys(taken))
        return len(taken)

    async def turn(self) -> None:
        """Do what is due: the records that were asked for, then the foreign ones."""
        now = self._holders.membership
        if now is None:
            return
        await self._see_to_requested()
        if now.members != self._members:
            self._members = now.members
            self._due_at = self._clock.monotonic() + self._every_s / AFTER_CHANGE
        if self._clock.monotonic() >= self._due_at:
            self._due_at = self._clock.monotonic() + self._every_s
            await self._sweep()

    async def _see_to_requested(self) -> None:
        """Somebody found these wanting, so the word of a holder is not enough."""
        while self._requested:
            page = list(self._requested)[:MAX_HAS]
            for cid in page:
                del self._requested[cid]
            report = await self._custody.ask(await self._charges(page))
            self.missing += report.missing
            await self._custody.see(report.claimed)

    async def _sweep(self) -> None:
        foreign = await self._foreign()
        self.foreign = len(foreign)
        seen, missing, left = 0, 0, FETCHED_BACK
        for page in pages(foreign, self._position):
            if seen >= max(PAGES, missing) or not left:
                return
            cids = await asyncio.to_thread(cids_of, page)
            report = await self._custody.ask(await self._charges(cids))
            seen, missing = seen + 1, missing + report.missing
            left -= await self._forget(report.claimed, left)
            self._position = page[-1].tobytes()
            self.missing += report.missing

    async def _foreign(self) -> Digests:
        """The digests of the living records that are not this node's to hold."""
        now, local = self._holders.membership, self._holders.local
        assert now is not None
        placed = await self._holdings.placed(now, self._holders.reach.absent())
        uid = local.uid if local is not None else -2
        rows = await asyncio.to_thread(placed.foreign_to, uid)
        digests: Digests = placed.contents.digests[rows]
        return digests

    async def _charges(self, cids: Sequence[str]) -> list[Charge]:
        local = self._holders.local
        held_by = await asyncio.to_thread(self._holders.many, cids)
        return [
            Charge(cid, tuple(member for member in members if member != local))
            for cid, members in zip(cids, held_by, strict=True)
        ]

    async def _forget(self, claimed: Sequence[Charge], most: int) -> int:
        """Let go of what is old, and whole at all its holders; how many were fetched back.

        A node that is no member keeps everything: it may become one. Fewer holders than there must
        be are too few to trust with it, or this node has become one of them just now.
        """
        if self._holders.local is None:
            return 0
        full = {each.cid: each for each in claimed if len(each.holders) >= self._holders.required}
        stored = await self._shelf.has([*full])
        before = self._clock.now() - self._keep_s
        old = [full[cid] for cid, at in stored.items() if at <= before][:most]
        whole = await self._custody.see(old)
        if whole:
            self.forgotten += await self._shelf.forget(whole)
            log.info("foreign copies are with their holders and forgotten here", count=len(whole))
        return len(old)


def pages(foreign: Digests, position: bytes) -> Iterator[Digests]:
    """All of them in pages, beginning behind ``position`` and going around once."""
    start = int(np.searchsorted(keys_of(foreign), key_of(position), side="right"))
    turned = np.concatenate([foreign[start:], foreign[:start]])
    for at in range(0, len(turned), MAX_HAS):
        yield turned[at : at + MAX_HAS]

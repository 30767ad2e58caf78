"""What a change of the membership means for what waits already."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from engram.dht import Member
from engram.miner.replication.holders import Holders
from engram.miner.replication.interface import Shelf
from engram.miner.replication.outbox import Outbox
from engram.protocol import MAX_HAS

log = structlog.get_logger("engram.replication")


class Moves:
    """Watches the routing table, which another thread moves."""

    def __init__(self, holders: Holders, shelf: Shelf, outbox: Outbox) -> None:
        self._holders = holders
        self._shelf = shelf
        self._outbox = outbox
        self._seen: tuple[Member, ...] | None = None

    async def look(self) -> bool:
        """True if the members are others than at the last look, or an address is another.

        What waited for seats that are gone was given to the holders of now. A node that is no
        member itself keeps all that waits: it may only be late in learning that it is one.
        """
        now = self._holders.membership
        if now is None or now.members == self._seen:
            return False
        self._seen = now.members
        if self._holders.local is not None:
            for seat in set(await self._shelf.waiting()) - {member.seat for member in now.members}:
                await self._pass_on(seat)
        self._outbox.wake_all()
        return True

    async def _pass_on(self, seat: int) -> None:
        moved = 0
        after = None
        while page := await self._shelf.outbox(seat, MAX_HAS, after):
            after = page[-1].cid
            moved += await self._requeue([each.cid for each in page])
        dropped = await self._shelf.drop_seats([seat])
        log.info("a member left; others get its copies", waited=dropped, queued=moved)

    async def _requeue(self, cids: Sequence[str]) -> int:
        local = self._holders.local
        held_by = await asyncio.to_thread(self._holders.many, cids)
        deliveries = [
            (member.seat, cid)
            for cid, members in zip(cids, held_by, strict=True)
            for member in members
            if member != local
        ]
        return await self._outbox.queue(deliveries, ask_first=True)

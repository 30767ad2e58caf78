"""Seeing that records are with their holders: asking, fetching back, sending what is missing."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
import structlog
from pydantic import ValidationError

from engram.dht import Member
from engram.miner.replication.courtesy import Courtesy
from engram.miner.replication.interface import Failure, Peers
from engram.miner.replication.reach import Reach
from engram.miner.replication.readback import Readback, Shown
from engram.miner.replication.shortfall import Queue
from engram.protocol import HasReply

HAS_TIMEOUT_S = 10.0
MEMBERS_AT_ONCE = 8
TO_BE_SENT = (Shown.LACKING, Shown.WRONG)

log = structlog.get_logger("engram.replication")


@dataclass(frozen=True, slots=True)
class Charge:
    """A record, and the members other than this node that are to hold it."""

    cid: str
    holders: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What asking about some records showed."""

    claimed: list[Charge]
    """Every holder says that it has them."""
    missing: int
    """Copies that are not where they should be, and are queued."""


class Custody:
    """``ask`` believes what holders say, ``see`` only their bytes."""

    def __init__(self, peers: Peers, reach: Reach, outbox: Queue, courtesy: Courtesy) -> None:
        self._peers = peers
        self._reach = reach
        self._outbox = outbox
        self._readback = Readback(peers, reach, courtesy)
        self._courtesy = courtesy
        self._at_once = asyncio.Semaphore(MEMBERS_AT_ONCE)

    async def ask(self, charges: Sequence[Charge]) -> Report:
        """POST /has to all holders; what one of them lacks is queued. Up to MAX_HAS charges."""
        asked = by_holder(charges)
        replies = await asyncio.gather(*(self._has(each, cids) for each, cids in asked.items()))
        held = dict(zip(asked, replies, strict=True))
        lacking = [
            (member.seat, cid)
            for member, cids in asked.items()
            if (there := held[member]) is not None
            for cid in cids
            if cid not in there
        ]
        await self._outbox.queue(lacking, ask_first=False)
        claimed = [
            charge
            for charge in charges
            if all(charge.cid in (held[holder] or ()) for holder in charge.holders)
        ]
        return Report(claimed, len(lacking))

    async def see(self, charges: Sequence[Charge]) -> list[str]:
        """Fetch records back from each of their holders; CIDs that all of them gave whole.

        Who gave other bytes, or none though it says that it has the record, is sent it.
        """
        asked = by_holder(charges)
        shown = await asyncio.gather(*(self._seen(each, cids) for each, cids in asked.items()))
        found = dict(zip(asked, shown, strict=True))
        wrong = [
            (member.seat, cid)
            for member, cids in asked.items()
            for cid in cids
            if found[member][cid] in TO_BE_SENT
        ]
        await self._outbox.queue(wrong, ask_first=False)
        return [
            charge.cid
            for charge in charges
            if all(found[holder][charge.cid] is Shown.WHOLE for holder in charge.holders)
        ]

    async def _seen(self, member: Member, cids: Sequence[str]) -> dict[str, Shown]:
        async with self._at_once:
            return await self._readback.of(member, cids)

    async def _has(self, member: Member, cids: Sequence[str]) -> frozenset[str] | None:
        """Those that the member says it has; None if it does not answer."""
        body = orjson.dumps({"cids": cids})
        async with self._at_once:
            await self._courtesy.turn(len(body))
            reply = await self._peers.send(member, "/has", body, timeout_s=HAS_TIMEOUT_S)
        self._reach.heard(member, reply)
        if isinstance(reply, Failure):
            return None
        try:
            return frozenset(HasReply.model_validate_json(reply.body).held)
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            log.warning("no answer to /has", hotkey=member.hotkey, reason=reason)
            return None


def by_holder(charges: Sequence[Charge]) -> dict[Member, list[str]]:
    """The CIDs that each member is to hold."""
    found: defaultdict[Member, list[str]] = defaultdict(list)
    for charge in charges:
        for holder in charge.holders:
            found[holder].append(charge.cid)
    return found

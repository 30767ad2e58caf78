"""One POST /replica: records to a member, and what became of each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from pydantic import ValidationError

from engram.core.receipt import record_size
from engram.dht import Member
from engram.miner.replication.frame import CONTENT_TYPE, Copy, Packed, encode, pack
from engram.miner.replication.holders import Holders
from engram.miner.replication.interface import Answer, Failure, Peers, Trouble
from engram.miner.replication.receipts import Receipts
from engram.miner.replication.tally import Tally
from engram.protocol import MAX_ABSENT, ReplicaAck, ReplicaError, ReplicaReply, SignedReceipt

PATH = "/replica"
TIMEOUT_S = 15.0  # 8 MiB over a slow line, their embedding and one commit
LATER = frozenset({"storage_full", "overloaded", "throttled", "not_ready", "unavailable"})
"""The member cannot now; what it said of one record holds for the next ones."""
NEVER = "refused_here"
DISPUTED = "not_assigned"

log = structlog.get_logger("engram.replication")


class Heard(Protocol):
    """Who keeps book of which members answer; see ``Reach``."""

    def spoke(self, member: Member) -> None: ...
    def failed(self, member: Member) -> None: ...


@dataclass(frozen=True, slots=True)
class Parcel:
    """A record ready to be sent, however often."""

    packed: Packed
    size: int
    """Record bytes, as a receipt has them."""

    @property
    def cid(self) -> str:
        return self.packed.cid


def parcel_of(copy: Copy) -> Parcel:
    """Wrap up one record; some 10 µs, a millisecond for the largest metadata."""
    return Parcel(pack(copy), record_size(copy.metadata, copy.model_version))


@dataclass(slots=True)
class Brought:
    """What became of the records of one request."""

    receipts: list[SignedReceipt] = field(default_factory=list)
    """Verified: these are on the member's disk."""
    gone: list[str] = field(default_factory=list)
    """CIDs that the member will not hold: refused for good, or not its own."""
    kept: list[str] = field(default_factory=list)
    """CIDs to try again."""
    failure: Failure | None = None
    """Why the member is to be left alone for a while."""


class Carrier:
    """Sends records and reads what comes back."""

    def __init__(
        self, holders: Holders, peers: Peers, receipts: Receipts, reach: Heard, tally: Tally
    ) -> None:
        self.holders = holders
        self.peers = peers
        self.receipts = receipts
        self.reach = reach
        self.tally = tally

    async def bring(self, member: Member, parcels: Sequence[Parcel]) -> Brought:
        """Send parcels that fit into one body, see ``frame.grouped``."""
        placement = self.holders.placement
        assert placement is not None
        answer = await self._send(member, parcels, placement)
        if isinstance(answer, Failure) and (common := self.common(answer, placement)) is not None:
            placement = common
            answer = await self._send(member, parcels, placement)
        if isinstance(answer, Failure):
            return self._failed(member, parcels, answer)
        reply = parsed(answer, parcels)
        if isinstance(reply, Failure):
            return self._failed(member, parcels, reply)
        self.reach.spoke(member)
        return await self._sorted(member, parcels, reply, placement)

    def common(self, failure: Failure, tried: int) -> int | None:
        """A placement block that both know, after the member did not know the one that was tried.

        None if there is none: then whoever is behind will have moved by the next attempt.
        """
        if failure.code != "stale_membership":
            return None
        known = [n for n in failure.placements if n != tried and self.holders.table.at(n)]
        return max(known, default=None)

    async def _send(
        self, member: Member, parcels: Sequence[Parcel], placement: int
    ) -> Answer | Failure:
        absent = sorted(self.holders.absent_for(member))[:MAX_ABSENT]
        body = encode(placement, absent, [parcel.packed for parcel in parcels])
        self.tally.requests += 1
        return await self.peers.send(
            member, PATH, body, content_type=CONTENT_TYPE, timeout_s=TIMEOUT_S
        )

    def _failed(self, member: Member, parcels: Sequence[Parcel], failure: Failure) -> Brought:
        self.heard_nothing_good(member, failure)
        return Brought(kept=[parcel.cid for parcel in parcels], failure=failure)

    def heard_nothing_good(self, member: Member, failure: Failure) -> None:
        """Keep book of a request that failed: no answer says more than a bad one."""
        self.tally.failures += 1
        (self.reach.failed if failure.silent else self.reach.spoke)(member)

    async def _sorted(
        self, member: Member, parcels: Sequence[Parcel], reply: ReplicaReply, placement: int
    ) -> Brought:
        """Each outcome in its place."""
        brought = Brought()
        acks = [one for one in reply.outcomes if isinstance(one, ReplicaAck)]
        good = await self._genuine(member, acks, parcels, placement)
        brought.receipts = [ack.receipt for ack, ok in zip(acks, good, strict=True) if ok]
        brought.kept = [ack.cid for ack, ok in zip(acks, good, strict=True) if not ok]
        if brought.kept:
            brought.failure = self._forged(member, brought.kept)
        disputed = []
        for one in reply.outcomes:
            if not isinstance(one, ReplicaError):
                continue
            if one.code == DISPUTED:
                disputed.append(one.cid)
            else:
                self._take_note(member, one, brought)
        due = await asyncio.to_thread(self.holders.due, member, disputed)
        self._settle_disputes(brought, dict(zip(disputed, due, strict=True)))
        self.tally.delivered += len(brought.receipts)
        return brought

    async def _genuine(
        self,
        member: Member,
        acks: Sequence[ReplicaAck],
        parcels: Sequence[Parcel],
        placement: int,
    ) -> list[bool]:
        """Whether each receipt is this member's for this record, whole, at this placement."""
        sizes = {parcel.cid: parcel.size for parcel in parcels}
        signed = await self.receipts.check_many([(member, ack.receipt) for ack in acks])
        return [
            ok
            and ack.receipt.cid == ack.cid
            and ack.receipt.size == sizes[ack.cid]
            and ack.receipt.placement == placement
            for ack, ok in zip(acks, signed, strict=True)
        ]

    def _forged(self, member: Member, cids: Sequence[str]) -> Failure:
        self.tally.forged += len(cids)
        log.warning("receipts are not genuine", hotkey=member.hotkey, records=len(cids))
        return Failure(Trouble.INVALID, "its receipts are not genuine")

    def _take_note(self, member: Member, one: ReplicaError, brought: Brought) -> None:
        if one.code in LATER:
            brought.kept.append(one.cid)
            brought.failure = Failure(Trouble.REFUSED, one.error, one.code)
        elif one.code == NEVER:
            self.tally.refused += 1
            brought.gone.append(one.cid)
        else:
            self.tally.rejected += 1
            brought.gone.append(one.cid)
            log.error(
                "a copy was rejected; `engram fsck` checks what is on this disk",
                cid=one.cid,
                hotkey=member.hotkey,
                code=one.code,
                error=one.error,
            )

    def _settle_disputes(self, brought: Brought, due: dict[str, bool]) -> None:
        """What the member says is not its own, and we say now is, is asked again later."""
        kept = [cid for cid, is_due in due.items() if is_due]
        gone = [cid for cid, is_due in due.items() if not is_due]
        self.tally.not_due += len(gone)
        brought.gone += gone
        brought.kept += kept


def parsed(answer: Answer, parcels: Sequence[Parcel]) -> ReplicaReply | Failure:
    """The reply, if it has an outcome for each record in order."""
    try:
        reply = ReplicaReply.model_validate_json(answer.body)
    except ValidationError as error:
        return Failure(Trouble.INVALID, f"no reply to /replica: {error.errors()[0]['msg']}")
    if [one.cid for one in reply.outcomes] != [parcel.cid for parcel in parcels]:
        return Failure(Trouble.INVALID, "the outcomes are not those of the records sent")
    return reply

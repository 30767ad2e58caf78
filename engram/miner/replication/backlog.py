"""What waits on disk for one member: looked through page by page, asked about, then sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import orjson
import structlog
from pydantic import ValidationError

from engram.dht import Member
from engram.errors import RefusedHere, StoreCorrupt
from engram.miner.replication.account import Account
from engram.miner.replication.backoff import Backoff
from engram.miner.replication.deliver import Brought, Carrier, Parcel, parcel_of
from engram.miner.replication.frame import Copy, copy_of, grouped
from engram.miner.replication.interface import Failure, Shelf, Trouble
from engram.protocol import MAX_HAS, MAX_REPLICAS, HasReply

HAS_TIMEOUT_S = 10.0

log = structlog.get_logger("engram.replication")


class Yielding(Protocol):
    """Lets queries go first; see ``Courtesy``."""

    async def turn(self, size: int) -> None:
        """Return when background work of that many bytes may be done."""
        ...


class Backlog:
    """One round after the other over a seat's deliveries on disk."""

    def __init__(
        self,
        account: Account,
        shelf: Shelf,
        carrier: Carrier,
        courtesy: Yielding,
        in_hand: Callable[[str], bool],
        pace: Backoff,
    ) -> None:
        self.account = account
        self.shelf = shelf
        self.carrier = carrier
        self.courtesy = courtesy
        self.in_hand = in_hand
        """Whether somebody else is just bringing the CID."""
        self.pace = pace
        """Of rounds that leave something behind though the member answers."""
        self.sure: set[str] = set()
        """CIDs that the member is known to lack, so that it need not be asked."""

    async def round(self, member: Member) -> bool:
        """Go through all of it once; True if nothing stays behind.

        Ends early where the member fails: its account says then how long it is left alone.
        """
        whole, after = True, None
        while page := await self.shelf.outbox(self.account.seat, MAX_HAS, after):
            after = page[-1].cid
            cids = [each.cid for each in page if not self.in_hand(each.cid)]
            brought = await self._page(member, cids) if cids else Brought()
            if brought.failure is not None:
                return False
            whole = whole and not brought.kept
            if len(page) < MAX_HAS:
                break
        if whole:
            self.pace.reset()
        else:
            self.pace.failed()
        return whole

    @property
    def rest_s(self) -> float:
        """Seconds until the next round may begin."""
        return max(self.account.backoff.left_s, self.pace.left_s)

    async def _page(self, member: Member, cids: Sequence[str]) -> Brought:
        due = await self._due(member, cids)
        lacking = await self._lacking(member, due)
        if isinstance(lacking, Failure):
            brought = Brought(kept=due, failure=lacking)
            self.account.settle(brought)
            return brought
        whole = Brought()
        for start in range(0, len(lacking), MAX_REPLICAS):
            for parcels in await self._parcels(lacking[start : start + MAX_REPLICAS]):
                await self.courtesy.turn(sum(len(each.packed.content) for each in parcels))
                self.sure.difference_update(parcel.cid for parcel in parcels)
                brought = await self.carrier.bring(member, parcels)
                self.account.settle(brought)
                whole.kept += brought.kept
                if brought.failure is not None:
                    whole.failure = brought.failure
                    return whole
        return whole

    async def _due(self, member: Member, cids: Sequence[str]) -> list[str]:
        """Those that the member is to hold by now; the others leave the outbox."""
        due = await asyncio.to_thread(self.carrier.holders.due, member, cids)
        others = [cid for cid, is_due in zip(cids, due, strict=True) if not is_due]
        self.carrier.tally.not_due += len(others)
        self.account.settle_gone(others)
        return [cid for cid, is_due in zip(cids, due, strict=True) if is_due]

    async def _lacking(self, member: Member, cids: Sequence[str]) -> list[str] | Failure:
        """Those that the member does not hold; the others are done with."""
        unsure = [cid for cid in cids if cid not in self.sure]
        if not unsure:
            return list(cids)
        answer = await self.carrier.peers.send(
            member, "/has", orjson.dumps({"cids": unsure}), timeout_s=HAS_TIMEOUT_S
        )
        if isinstance(answer, Failure):
            self.carrier.heard_nothing_good(member, answer)
            return answer
        try:
            held = HasReply.model_validate_json(answer.body).held
        except ValidationError:
            return Failure(Trouble.INVALID, "no reply to /has")
        self.carrier.reach.spoke(member)
        there = [cid for cid in unsure if cid in held]
        self.carrier.tally.found_there += len(there)
        self.account.settle_gone(there)
        return [cid for cid in cids if cid not in held]

    async def _parcels(self, cids: Sequence[str]) -> list[list[Parcel]]:
        """The records from disk, in groups that fit into a request each."""
        copies = [copy for cid in cids if (copy := await self._copy(cid)) is not None]
        made = await asyncio.to_thread(lambda: [parcel_of(copy) for copy in copies])
        parcels = {parcel.cid: parcel for parcel in made}
        self.account.settle_gone([cid for cid in cids if cid not in parcels])
        groups = grouped(parcel.packed for parcel in parcels.values())
        return [[parcels[packed.cid] for packed in group] for group in groups]

    async def _copy(self, cid: str) -> Copy | None:
        """The record as it is sent; None if it is not here any more, or not whole."""
        try:
            record = await self.shelf.get(cid)
        except RefusedHere:
            return None
        except StoreCorrupt as error:
            log.error("a record cannot be sent", cid=cid, error=error.message)
            return None
        return copy_of(record) if record is not None else None

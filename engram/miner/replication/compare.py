"""Two miners find out what one of them lacks, without telling each other what both have."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import structlog

from engram.core.ranges import DigestSet, Span, Verdict, digests_of
from engram.core.reconcile import Reconciliation
from engram.dht import Member, Membership, RoutingTable
from engram.errors import NotAssigned, Throttled
from engram.miner.replication.agreed import agreed
from engram.miner.replication.courtesy import Courtesy
from engram.miner.replication.holdings import Holdings, Shared
from engram.miner.replication.inquiry import ComparisonTally, Inquiry, Terms
from engram.miner.replication.interface import Clock, Failure, Peers, Trouble
from engram.miner.replication.reach import Reach
from engram.miner.replication.rounds import LEAST_APART, Rounds
from engram.miner.replication.shortfall import Queue, Shortfall
from engram.miner.replication.spans import as_answer, as_span
from engram.protocol import CompareReply, CompareRequest
from engram.protocol.nodes import LISTED_AT_MOST, SPLIT

MUCH_WAITING = 1_000  # deliveries: what they bring would only be found again

log = structlog.get_logger("engram.replication")


class Comparison:
    """Asks members in their turns, answers them, and queues what they lack.

    ``every_s``: seconds between comparisons with one member.
    """

    def __init__(
        self,
        *,
        table: RoutingTable,
        reach: Reach,
        holdings: Holdings,
        outbox: Queue,
        peers: Peers,
        courtesy: Courtesy,
        clock: Clock,
        chance: random.Random,
        every_s: float,
    ) -> None:
        self._table = table
        self._reach = reach
        self._holdings = holdings
        self._outbox = outbox
        self._clock = clock
        self._every_s = every_s
        self.tally = ComparisonTally()
        self._inquiry = Inquiry(peers, reach, courtesy, chance, self.tally)
        self._shortfall = Shortfall(table, outbox, clock, every_s / 2)
        self._rounds = Rounds(table, reach, clock, chance, every_s, self.with_peer)
        self._admitted: dict[int, float] = {}
        self._looked_through: dict[int, float] = {}

    async def run(self) -> None:
        """Compare with each member in its turn, until cancelled."""
        await self._rounds.run()

    def soon(self, member: Member) -> None:
        """Compare with this member within seconds."""
        self._rounds.soon(member)

    async def with_peer(self, member: Member) -> bool:
        """Compare with one member and queue what it lacks; True if both hold the same."""
        current = self._table.current
        if current is None:
            return False
        self.tally.begun += 1
        found = await self._search(member, current)
        if isinstance(found, Failure) and (other := self._common(found, current)) is not None:
            found = await self._search(member, other)
        if isinstance(found, Failure):
            return self._failed(member, found)
        return await self._settle(member, *found)

    async def answer(self, sender: Member, request: CompareRequest) -> CompareReply:
        """What differs from the sender's ranges; what it asks for is queued.

        Raises StaleMembership, Throttled, InvalidInput, and NotAssigned for who is no member there.
        """
        membership = agreed(self._table, request.placement)
        local = membership.by_hotkey(self._table.hotkey)
        if local is None or all(each.seat != sender.seat for each in membership.members):
            raise NotAssigned("Only members of one placement have anything to compare.")
        spans = [as_span(each) for each in request.ranges]
        if any(span.low.count(0) == len(span.low) and span.high is None for span in spans):
            self._admit(sender)
        self.tally.answered += 1
        absent = frozenset(request.absent) - {local.uid, sender.uid}
        shared = await self._holdings.shared(membership, absent, local.uid, sender.uid)
        verdicts = await asyncio.to_thread(verdicts_on, shared.here, spans)
        self._look_back(sender, spans, verdicts)
        return CompareReply(
            placement=request.placement,
            answers=await asyncio.to_thread(lambda: [*map(as_answer, verdicts)]),
            queued=await self._queue_wanted(sender, shared, request.wanted),
        )

    def _admit(self, sender: Member) -> None:
        """Raise Throttled if the sender began to compare a short time ago."""
        now, apart = self._clock.monotonic(), self._every_s / LEAST_APART
        self._admitted = {seat: at for seat, at in self._admitted.items() if now - at < apart}
        if sender.seat in self._admitted:
            wait = self._admitted[sender.seat] + apart - now
            raise Throttled(f"Compare again in {wait:.1f} s.", retry_after=wait)
        self._admitted[sender.seat] = now

    def _look_back(
        self, sender: Member, spans: Sequence[Span], verdicts: Sequence[Verdict]
    ) -> None:
        """Compare with the sender soon if it was thought silent, or holds nothing of much here."""
        pairs = zip(spans, verdicts, strict=True)
        bare = any(span.count == 0 and verdict.parts for span, verdict in pairs)
        if bare or self._reach.silent_s(sender) is not None:
            self.soon(sender)

    async def _queue_wanted(self, sender: Member, shared: Shared, wanted: Sequence[str]) -> int:
        asked = digests_of([bytes.fromhex(each) for each in wanted])
        here = await asyncio.to_thread(shared.here_of, asked)
        return (await self._shortfall.make_up(sender, shared, here)).queued

    async def _search(
        self, member: Member, membership: Membership
    ) -> tuple[Shared, Reconciliation] | Failure:
        local = membership.by_hotkey(self._table.hotkey)
        if local is None:
            return Failure(Trouble.REFUSED, "this node is no member there")
        terms = Terms(membership.number, self._reach.absent() - {local.uid, member.uid})
        shared = await self._holdings.shared(membership, terms.absent, local.uid, member.uid)
        briefly = self._outbox.waiting.get(member.seat, 0) > MUCH_WAITING
        search = await self._inquiry.into(member, terms, shared, briefly=briefly)
        return search if isinstance(search, Failure) else (shared, search)

    def _common(self, failure: Failure, tried: Membership) -> Membership | None:
        """A membership that both know, after the peer did not know the one that was tried."""
        known = [self._table.at(number) for number in failure.placements]
        others = [at for at in known if at is not None and at.number != tried.number]
        return max(others, key=lambda at: at.number, default=None)

    def _failed(self, member: Member, failure: Failure) -> bool:
        self.tally.failed += 1
        if failure.trouble is Trouble.INVALID:
            log.warning("a comparison failed", hotkey=member.hotkey, reason=failure.detail)
        if failure.silent:
            self._looked_through.pop(member.seat, None)
        return False

    async def _settle(self, member: Member, shared: Shared, search: Reconciliation) -> bool:
        """Queue what is missing there, and see whether an absent member is back."""
        lacking = search.only_mine()
        missing = await self._shortfall.make_up(member, shared, lacking)
        self.tally.missing += missing.count
        if search.done and not missing.count:
            self._shortfall.none(member)
        if search.done and (not missing.count or self._caught_up(member, missing.for_long)):
            self._reach.verified(member)
        here_too = not search.left_out and not len(search.only_theirs())
        same = search.done and not len(lacking) and here_too
        self.tally.equal += same
        return same

    def _caught_up(self, member: Member, missing_for_long: bool) -> bool:
        """True if all that was missing at an earlier comparison is there: the rest is only new."""
        now = self._clock.monotonic()
        since = self._looked_through.setdefault(member.seat, now)
        return now - since >= self._every_s / 2 and not missing_for_long


def verdicts_on(here: DigestSet, spans: Sequence[Span]) -> list[Verdict]:
    """One for each range; some 50 µs each."""
    return [here.answer(span, parts=SPLIT, listed=LISTED_AT_MOST) for span in spans]

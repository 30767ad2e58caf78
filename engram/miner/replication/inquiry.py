"""One side of a comparison over the network: ask, learn, ask on."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass

from engram.core.ranges import Digests, Span
from engram.core.reconcile import Reconciliation
from engram.dht import Member
from engram.errors import InvalidInput
from engram.miner.replication.courtesy import Courtesy
from engram.miner.replication.holdings import Shared
from engram.miner.replication.interface import Answer, Failure, Peers, Trouble
from engram.miner.replication.reach import Reach
from engram.miner.replication.spans import as_range, as_verdict
from engram.protocol import CompareReply, CompareRequest
from engram.protocol.nodes import LISTED_AT_MOST, MAX_RANGES, MAX_WANTED

PATH = "/compare"
TIMEOUT_S = 20.0
QUESTIONS = 8  # a difference among a million takes 6; more must each be paid for by one found


@dataclass(slots=True)
class ComparisonTally:
    """Counts that only grow."""

    begun: int = 0
    equal: int = 0
    failed: int = 0
    questions: int = 0
    """Requests."""
    bytes_sent: int = 0
    bytes_received: int = 0
    missing: int = 0
    """Records that peers were found to lack, each time that they were."""
    answered: int = 0
    """Requests of others."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What both sides compute the holders by."""

    placement: int
    absent: frozenset[int]
    """UIDs; neither side's own."""


class Inquiry:
    """Asks one member at a time about ranges until nothing is open, or enough for this time."""

    def __init__(
        self,
        peers: Peers,
        reach: Reach,
        courtesy: Courtesy,
        chance: random.Random,
        tally: ComparisonTally,
    ) -> None:
        self._peers = peers
        self._reach = reach
        self._courtesy = courtesy
        self._chance = chance
        self._tally = tally

    async def into(
        self, member: Member, terms: Terms, shared: Shared, *, briefly: bool
    ) -> Reconciliation | Failure:
        """What is known of the difference then; ``briefly`` asks one question only."""
        search = Reconciliation(shared.here, unlisted=LISTED_AT_MOST, chance=self._chance)
        asked = 0
        while not search.done and asked < (1 if briefly else max(QUESTIONS, search.found)):
            asked += 1
            failure = await self._ask_on(member, terms, search)
            if failure is not None:
                return failure
        if len(wanted := search.only_theirs()):
            await self._want(member, terms, wanted)
        return search

    async def _ask_on(self, member: Member, terms: Terms, search: Reconciliation) -> Failure | None:
        spans = search.ask(MAX_RANGES)
        request = CompareRequest(
            placement=terms.placement,
            absent=sorted(terms.absent),
            ranges=[as_range(span) for span in spans],
        )
        reply = await self._send(member, request)
        return reply if isinstance(reply, Failure) else await learnt(search, spans, reply)

    async def _want(self, member: Member, terms: Terms, lacking: Digests) -> None:
        """Say what is missing here: the member may be the one to send it."""
        wanted = [row.tobytes().hex() for row in lacking[:MAX_WANTED]]
        request = CompareRequest(
            placement=terms.placement, absent=sorted(terms.absent), ranges=[], wanted=wanted
        )
        await self._send(member, request)

    async def _send(self, member: Member, request: CompareRequest) -> Answer | Failure:
        body = request.model_dump_json(exclude_defaults=True).encode()
        await self._courtesy.turn(len(body))
        self._tally.questions += 1
        self._tally.bytes_sent += len(body)
        reply = await self._peers.send(member, PATH, body, timeout_s=TIMEOUT_S)
        self._reach.heard(member, reply)
        if isinstance(reply, Answer):
            self._tally.bytes_received += len(reply.body)
        return reply


async def learnt(search: Reconciliation, spans: Sequence[Span], reply: Answer) -> Failure | None:
    """Take what a member answered, off the loop; a Failure if that is no answer."""

    def learn() -> None:
        answers = CompareReply.model_validate_json(reply.body).answers
        if len(answers) != len(spans):
            raise InvalidInput(f"{len(answers)} answers to {len(spans)} questions.")
        for span, answer in zip(spans, answers, strict=True):
            search.learn(span, as_verdict(answer))

    try:
        await asyncio.to_thread(learn)
    except ValueError as error:  # pydantic's, and our own InvalidInput
        return Failure(Trouble.INVALID, f"no answer to {PATH}: {str(error)[:200]}")
    return None

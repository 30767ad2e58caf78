"""Grows the pool of the validator's own records, and offers them to the miners assigned to them."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, defaultdict
from dataclasses import dataclass, replace

import structlog

from engram.core.embedding import from_bytes
from engram.protocol import IngestReply
from engram.validator.ask import Asked, Asker
from engram.validator.clock import Clock
from engram.validator.making import Maker
from engram.validator.parallel import finished
from engram.validator.roster import Assignments, Miner, Roster
from engram.validator.state import State, offers, pool
from engram.validator.state.offers import Answered, Offer, OfferState
from engram.validator.verdict import Failure, Verdict

OFFERS_PER_MINER = 4  # a turn: 16 a minute, a small part of what a miner takes from one address
SPARE = 1.25  # records aimed at, over the minimum: members come and go
ATTEMPTS = 3  # answers that are no refusal, such as 503 loading, before the offer has failed
BACK_OFF_S = 30.0
REFUSALS = {"refused_here", "storage_full"}  # an obligation that failed, not a bad moment

log = structlog.get_logger("engram.validator")


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the pool grows."""

    min_known: int
    pool_days: float
    deadline_s: float
    """Of one turn."""


class Placing:
    """The write path: what a user's client would do, in small portions."""

    def __init__(
        self,
        state: State,
        roster: Roster,
        asker: Asker,
        maker: Maker,
        clock: Clock,
        pace: Pace,
    ) -> None:
        self._state = state
        self._roster = roster
        self._asker = asker
        self._maker = maker
        self._clock = clock
        self._pace = pace

    async def turn(self) -> None:
        """Make what is missing, then offer a few records to each miner."""
        if not self._roster.miners:
            return
        chosen = await asyncio.to_thread(self._prepare)
        answers: list[Answered] = []
        asks = [self._offer_in_turn(miner, each, answers) for miner, each in chosen]
        await finished(asks, self._pace.deadline_s)
        await asyncio.to_thread(self._note, answers)

    def _prepare(self) -> list[tuple[Miner, list[Offer]]]:
        assignments = self._grown()
        with self._state.write() as tx:
            offers.make_due(tx, ((m, r) for r, ids in assignments.records.items() for m in ids))
        return self._due(assignments)

    def _grown(self) -> Assignments:
        """Who is assigned what, once records were made for those that lack some.

        A namespace that has served its time goes only while nobody lacks any.
        """
        target = math.ceil(self._pace.min_known * SPARE)
        assignments = self._roster.assignments()
        missing = shortfall(assignments, target)
        membership = self._roster.table.current
        if membership is None:
            return assignments
        if missing:
            self._maker.make(membership, missing, target)
        elif not self._retired_one():
            return assignments
        return self._roster.assignments()

    def _retired_one(self) -> bool:
        now = self._clock.now()
        with self._state.write() as tx:
            return pool.retire_oldest(tx, now - self._pace.pool_days * 86_400, now)

    def _due(self, assignments: Assignments) -> list[tuple[Miner, list[Offer]]]:
        with self._state.read() as connection:
            due = offers.due(connection, self._clock.now())
        by_miner: defaultdict[int, list[Offer]] = defaultdict(list)
        for offer in due:
            assigned = offer.miner in assignments.records.get(offer.record, ())
            if assigned and len(by_miner[offer.miner]) < OFFERS_PER_MINER:
                by_miner[offer.miner].append(offer)
        return [(assignments.miners[miner], each) for miner, each in by_miner.items()]

    async def _offer_in_turn(
        self, miner: Miner, chosen: list[Offer], answers: list[Answered]
    ) -> None:
        """One after the other; a miner that cannot be reached is left alone until the next turn."""
        for offer in chosen:
            answered = await self._offer(miner, offer)
            if answered is None:
                return
            answers.append(answered)

    async def _offer(self, miner: Miner, offer: Offer) -> Answered | None:
        embedding, metadata = await asyncio.to_thread(self._post_of, offer.record)
        outcome = await self._asker.ingest(miner.url, from_bytes(embedding), metadata)
        placement = self._roster.table.current.number if self._roster.table.current else None
        if isinstance(outcome, Failure) and outcome.verdict is Verdict.UNREACHABLE:
            return None
        return come_to(offer, outcome, placement, self._clock.now())

    def _post_of(self, record: int) -> tuple[bytes, dict[str, object]]:
        with self._state.read() as connection:
            return pool.post_of(connection, record)

    def _note(self, answers: list[Answered]) -> None:
        if not answers:
            return
        with self._state.write() as tx:
            offers.note(tx, answers)
        counts = Counter(answer.state.value for answer in answers)
        log.info("records offered", **counts)


def shortfall(assignments: Assignments, target: int) -> dict[int, int]:
    """UID to the number of records that it lacks, for those that are assigned fewer."""
    have = Counter(miner for ids in assignments.records.values() for miner in ids)
    lacking = {m.uid: target - have[m.id] for m in assignments.miners.values()}
    return {uid: count for uid, count in lacking.items() if count > 0}


def come_to(
    offer: Offer, outcome: Asked[IngestReply] | Failure, placement: int | None, now: float
) -> Answered:
    """What an offer has come to after an answer.

    Refused for good, throttled twice, or answered three times with something else: a failed
    obligation. Anything before that is tried again.
    """
    tried = replace(offer, attempts=offer.attempts + 1)
    if not isinstance(outcome, Failure):
        return Answered(tried, OfferState.HELD, placement=placement)
    if outcome.code == "throttled":
        tried = replace(tried, throttled=offer.throttled + 1)
    given_up = outcome.code in REFUSALS or tried.throttled > 1 or tried.attempts >= ATTEMPTS
    if given_up:
        return Answered(tried, OfferState.REFUSED, placement=placement, detail=outcome.detail)
    wait = BACK_OFF_S if outcome.retry_after is None else outcome.retry_after
    return Answered(tried, OfferState.DUE, next_at=now + wait, detail=outcome.detail)

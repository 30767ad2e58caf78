"""Grows the pool of the validator's own records, and gives them to the network."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, defaultdict
from collections.abc import Coroutine
from dataclasses import dataclass
from random import Random
from typing import Any

import structlog

from engram.core.limits import REPLICAS
from engram.validator import handing
from engram.validator.clock import Clock
from engram.validator.handing import Handed, Hands
from engram.validator.making import Maker
from engram.validator.parallel import finished
from engram.validator.roster import Assignments, Miner, Roster
from engram.validator.state import State, offers, pool, posts
from engram.validator.state.offers import Offer
from engram.validator.verdict import Failure, Verdict

A_TURN = 4  # copies that each miner gets: 16 a minute, a small part of what it takes from one user
SPARE = 1.25  # records aimed at, over the minimum: members come and go

log = structlog.get_logger("engram.validator")


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the pool grows."""

    min_known: int
    pool_days: float
    deadline_s: float
    """Of one turn."""


@dataclass(frozen=True, slots=True)
class Errands:
    """What one turn hands to whom."""

    assignments: Assignments
    posts: list[tuple[Miner, int]]
    offers: list[tuple[Miner, list[Offer]]]


class Placing:
    """The write path: what a user's client would do, in small portions."""

    def __init__(
        self,
        state: State,
        roster: Roster,
        hands: Hands,
        maker: Maker,
        clock: Clock,
        random: Random,
        pace: Pace,
    ) -> None:
        self._state = state
        self._roster = roster
        self._hands = hands
        self._maker = maker
        self._clock = clock
        self._random = random
        self._pace = pace

    async def turn(self) -> None:
        """Make what is missing, post some records, and offer some to those that gave no receipt."""
        placement = self._roster.placement
        if not self._roster.miners or placement is None:
            return
        errands = await asyncio.to_thread(self._prepare, placement)
        handed: list[Handed] = []
        asks: list[Coroutine[Any, Any, None]] = [
            self._post(miner, record, handed) for miner, record in errands.posts
        ]
        asks += [self._offer_in_turn(miner, each, handed) for miner, each in errands.offers]
        await finished(asks, self._pace.deadline_s)
        if handed:
            await asyncio.to_thread(self._note, handed, errands.assignments, placement)

    def _prepare(self, placement: int) -> Errands:
        assignments = self._grown()
        with self._state.write() as tx:
            posted = posts.before(tx, placement)
            named = assignments.records.items()
            unsigned = ((m, r) for r, ids in named if r in posted for m in ids)
            offers.make_due(tx, unsigned)
        return Errands(assignments, self._posts(assignments), self._due(assignments))

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

    def _posts(self, assignments: Assignments) -> list[tuple[Miner, int]]:
        """Records that the network does not have yet, each with a member chosen by chance."""
        members = list(assignments.miners.values())
        most = math.ceil(A_TURN * len(members) / min(REPLICAS, len(members)))
        with self._state.write() as tx:
            due = posts.due(tx, self._clock.now(), most)
            chosen = [(self._random.choice(members), record) for record in due]
            posts.going_to(tx, ((record, miner.id) for miner, record in chosen))
        return chosen

    def _due(self, assignments: Assignments) -> list[tuple[Miner, list[Offer]]]:
        with self._state.read() as connection:
            due = offers.due(connection, self._clock.now())
        self._random.shuffle(due)
        by_miner: defaultdict[int, list[Offer]] = defaultdict(list)
        for offer in due:
            assigned = offer.miner in assignments.records.get(offer.record, ())
            if assigned and len(by_miner[offer.miner]) < A_TURN:
                by_miner[offer.miner].append(offer)
        return [(assignments.miners[miner], each) for miner, each in by_miner.items()]

    async def _post(self, miner: Miner, record: int, handed: list[Handed]) -> None:
        handed.append(await self._hands.hand(miner, record))

    async def _offer_in_turn(self, miner: Miner, chosen: list[Offer], handed: list[Handed]) -> None:
        """One after the other; a miner that cannot be reached is left alone until the next turn."""
        for offer in chosen:
            one = await self._hands.hand(miner, offer.record, offer)
            if isinstance(one.outcome, Failure) and one.outcome.verdict is Verdict.UNREACHABLE:
                return
            handed.append(one)

    def _note(self, handed: list[Handed], assignments: Assignments, placement: int) -> None:
        with self._state.write() as tx:
            answered = handing.note(tx, handed, assignments, placement, self._clock.now())
        counts = Counter(answer.state.value for answer in answered)
        log.info(
            "records given to the network",
            posted=sum(one.offer is None and one.taken for one in handed),
            signed=sum(answer.signed for answer in answered),
            **counts,
        )


def shortfall(assignments: Assignments, target: int) -> dict[int, int]:
    """UID to the number of records that it lacks, for those that are assigned fewer."""
    have = Counter(miner for ids in assignments.records.values() for miner in ids)
    lacking = {m.uid: target - have[m.id] for m in assignments.miners.values()}
    return {uid: count for uid, count in lacking.items() if count > 0}

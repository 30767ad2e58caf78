"""A scoring round: every miner is asked the same few searches, and its answers are judged."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random
from typing import Any

import structlog

from engram.core.scores import SLOW_MS
from engram.protocol import QueryReply
from engram.validator import reward
from engram.validator.ask import Asked, Asker
from engram.validator.clock import Clock
from engram.validator.conduct import Conduct
from engram.validator.ground_truth import recall_of
from engram.validator.obligations import Obligations, obligations
from engram.validator.parallel import finished
from engram.validator.probes import Drawing, Question
from engram.validator.roster import Roster
from engram.validator.spot import Spots
from engram.validator.state import State, evidence
from engram.validator.state.evidence import Kind, Sample
from engram.validator.state.miners import mark_warmed
from engram.validator.verdict import Failure, Verdict

HALF = 0.5  # a probe that recalls less counts as lost time too

log = structlog.get_logger("engram.validator")


@dataclass(frozen=True, slots=True)
class Plan:
    """How a scoring round goes."""

    probes: int
    spots: int
    spread_s: float
    """A miner's questions begin at random times within so many seconds of the round's begin."""
    deadline_s: float
    """After which those who still wait for their turn are not asked any more."""


@dataclass(slots=True)
class Asking:
    """What has come in so far."""

    samples: list[Sample] = field(default_factory=list)
    spoke: dict[int, bool] = field(default_factory=dict)


class Scorer:
    """Runs rounds and writes down what they found."""

    def __init__(
        self,
        state: State,
        roster: Roster,
        asker: Asker,
        conduct: Conduct,
        clock: Clock,
        random: Random,
        plan: Plan,
        rules: reward.Rules,
    ) -> None:
        self._state = state
        self._roster = roster
        self._asker = asker
        self._spots = Spots(asker, roster, clock, random)
        self._conduct = conduct
        self._clock = clock
        self._random = random
        self._plan = plan
        self._rules = rules

    async def round(self) -> None:
        """One round. Nothing of it is kept unless it ends."""
        began_at, began = self._clock.now(), self._clock.monotonic()
        owed, questions = await asyncio.to_thread(self._draw)
        if not questions:
            log.info("nothing to ask yet: no miner is obliged to anything")
            return
        asking = await self._ask_all(questions)
        probes = numbered(questions)
        seconds = self._clock.monotonic() - began
        await asyncio.to_thread(self._finish, owed, probes, asking, began_at, seconds)

    def _draw(self) -> tuple[Obligations, list[Question]]:
        with self._state.read() as connection:
            owed = obligations(connection, self._roster.assignments())
            drawing = Drawing(connection, owed, self._roster, self._random)
            return owed, [*drawing.own(self._plan.probes), *drawing.spots(self._plan.spots)]

    async def _ask_all(self, questions: list[Question]) -> Asking:
        """All miners in parallel, each one question at a time."""
        by_miner: defaultdict[int, list[tuple[int, Question]]] = defaultdict(list)
        positions = {digest: n for n, digest in enumerate(numbered(questions))}
        for question in questions:
            by_miner[question.miner.id].append((positions[question.probe.digest], question))
        asking = Asking()
        asks = [self._ask(each, asking) for each in by_miner.values()]
        if not await finished(asks, self._plan.deadline_s):
            log.warning("the round ran out of time; what was asked by then counts")
        return asking

    async def _ask(self, questions: list[tuple[int, Question]], asking: Asking) -> None:
        """Ask one miner. Once it takes all the time there is, the rest is lost unasked."""
        lost: Failure | None = None
        pause = self._plan.spread_s / len(questions)
        for position, question in questions:
            miner = question.miner.id
            if lost is None:
                await self._clock.sleep(self._random.uniform(0, pause))
                sample, failure = await self._sample(position, question)
                spoke = failure is None or failure.verdict is not Verdict.UNREACHABLE
                asking.spoke[miner] = asking.spoke.get(miner, False) or spoke
                lost = failure if failure and failure.took_all_the_time else None
            else:
                sample = lost_sample(miner, position, lost)
            asking.samples.append(sample)

    async def _sample(self, position: int, question: Question) -> tuple[Sample, Failure | None]:
        probe, miner = question.probe, question.miner
        asked_at = self._clock.monotonic()
        asked = await self._asker.query(
            miner.url, probe.query, question.top_k, where_of(probe.namespace)
        )
        if isinstance(asked, Failure):
            return lost_sample(miner.id, position, asked), asked
        recall = await self._recall(question, asked, asked_at)
        return answered_sample(miner.id, position, question, asked, recall), None

    async def _recall(self, question: Question, asked: Asked[QueryReply], asked_at: float) -> float:
        results = asked.message.results
        if question.truth is not None:
            return recall_of(question.truth, results)
        miner, probe = question.miner, question.probe
        return float(await self._spots.finds(miner, probe, results, question.top_k, asked_at))

    def _finish(
        self,
        owed: Obligations,
        probes: dict[str, int],
        asking: Asking,
        began_at: float,
        seconds: float,
    ) -> None:
        """Write the round down, all of it or nothing."""
        with self._state.write() as tx:
            number = self._conduct.close(tx, Kind.SCORING, asking.spoke, began_at, seconds)
            if number is None:
                return
            listed = [(record, digest) for digest, record in probes.items()]
            evidence.add_samples(tx, number, listed, asking.samples)
            warm = [m for m in owed.miners if len(owed.of(m)) >= self._rules.min_known]
            mark_warmed(tx, warm)
            stood = [
                reward.standing(tx, miner, len(owed.of(miner.id)), self._rules)
                for miner in owed.miners.values()
            ]
            reward.keep(tx, number, stood)
        log.info(
            "scoring round",
            miners=len(asking.spoke),
            samples=len(asking.samples),
            seconds=round(seconds, 2),
        )


def numbered(questions: list[Question]) -> dict[str, int]:
    """The distinct probes by digest, in order, with the record that each lies near."""
    return {question.probe.digest: question.probe.record.id for question in questions}


def where_of(namespace: str | None) -> dict[str, Any] | None:
    """The filter as the SDK's Memory sends it."""
    return None if namespace is None else {"namespace": namespace}


def lost_sample(miner: int, position: int, failure: Failure) -> Sample:
    """A probe without a usable answer."""
    return Sample(miner, position, failure.verdict, 0.0, SLOW_MS, failure.detail)


def answered_sample(
    miner: int, position: int, question: Question, asked: Asked[QueryReply], recall: float
) -> Sample:
    """A probe with an answer. One that recalls less than half was not worth its time."""
    latency = min(asked.seconds * 1000, SLOW_MS) if recall >= HALF else SLOW_MS
    if recall == 1:
        return Sample(miner, position, Verdict.PASSED, recall, latency)
    k = question.truth.k if question.truth else 1
    detail = f"{round(recall * k)} of {k} right results."
    return Sample(miner, position, Verdict.WRONG, recall, latency, detail)

"""A validator, put together from ready parts: what tests and the app have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from engram.chain.interface import Chain
from engram.config import ValidatorSettings
from engram.dht import RoutingTable
from engram.net.signed import Signer
from engram.validator import coverage, survey
from engram.validator.ask import Asker
from engram.validator.audit import Examiner
from engram.validator.chain_link import ChainLink
from engram.validator.challenge import Challenger
from engram.validator.clock import Clock
from engram.validator.conduct import Conduct
from engram.validator.corpus import Corpus
from engram.validator.follower import Follower
from engram.validator.handing import Hands
from engram.validator.making import Embeds, Maker
from engram.validator.mending import Mending, Patience
from engram.validator.metrics import CoverageCollector, Metrics
from engram.validator.miner_client import Transport
from engram.validator.pages import Pages
from engram.validator.placing import Pace, Placing
from engram.validator.receipts import Receipts, Verify
from engram.validator.reward import Rules
from engram.validator.roster import Roster
from engram.validator.schedule import Cadence, Job
from engram.validator.scorer import Plan, Scorer
from engram.validator.settling import Settling
from engram.validator.state import State, evidence
from engram.validator.state.database import fact
from engram.validator.state.evidence import Kind
from engram.validator.survey import Survey
from engram.validator.weights import ATTEMPTED_AT, Outcome, Weights

IN_TIME = 0.9  # of an interval: a round that is not over then is ended
PART_OF_ROUND = 1 / 3  # of an interval, that one request may take; matters to short ones only
SPREAD = 1 / 12  # of the scoring interval: questions begin at random times within ten seconds
PATIENCE_ROUNDS = 30  # an hour at 120 s: an uplink lost for 45 minutes is nobody's fault


@dataclass(frozen=True, slots=True)
class Given:
    """The impure things: each has a real and a faulty version."""

    chain: Chain
    signer: Signer
    """The validator's hotkey."""
    verify: Verify
    """Whether a signature (sr25519) is a public key's over a message."""
    state: State
    table: RoutingTable
    transport: Transport
    embedder: Embeds
    corpus: Corpus
    clock: Clock
    random: Random


class Parts:
    """What a running validator consists of."""

    def __init__(self, settings: ValidatorSettings, given: Given) -> None:
        clock, state = given.clock, given.state
        self.settings = settings
        self.clock = clock
        self.hotkey = given.signer.hotkey
        self.state = state
        self.corpus_is_secret = given.corpus.secret
        self.metrics = Metrics()
        self.rules = Rules(settings.min_known, settings.window_rounds)
        self.link = ChainLink(given.chain, settings.netuid, settings.chain_deadline_s)
        self.roster = Roster(given.table, state, public=given.chain.is_public)
        self.follower = Follower(self.link, self.roster, clock)
        self._asker = Asker(given.transport, clock, timeout_s(settings))
        self._conduct = Conduct(
            settings.unreachable_after_s,
            PATIENCE_ROUNDS * settings.scoring_every_s,
            lambda: self.link.block_number,
            self.metrics.count_discarded,
        )
        self._examiner = Examiner(self._asker, clock)
        self.receipts = Receipts(self.roster, given.verify)
        self.settling = Settling(state, self.roster, clock)
        self.scorer = self._scorer(given)
        self.challenger = self._challenger(given)
        self.placing = self._placing(given)
        self.survey = self._survey(given)
        self.mending = self._mending(given)
        self.weights = Weights(
            state,
            self.roster,
            self.link,
            clock,
            self.rules,
            self.hotkey,
            self._told,
        )
        self.cadences = self._cadences(clock)
        watch_copies(self)
        for cadence in self.cadences:
            self.metrics.watch(cadence)

    def _scorer(self, given: Given) -> Scorer:
        settings = self.settings
        every = settings.scoring_every_s
        plan = Plan(settings.probes, settings.spots, SPREAD * every, IN_TIME * every)
        return Scorer(
            self.state,
            self.roster,
            self._asker,
            self._conduct,
            given.clock,
            given.random,
            plan,
            self.rules,
        )

    def _challenger(self, given: Given) -> Challenger:
        return Challenger(
            self.state,
            self.roster,
            self._examiner,
            self._conduct,
            given.clock,
            given.random,
            self.settings.audit_sample,
            IN_TIME * self.settings.challenge_every_s,
        )

    def _placing(self, given: Given) -> Placing:
        settings = self.settings
        pace = Pace(settings.min_known, settings.pool_days, 10 * settings.placing_every_s)
        maker = Maker(self.state, given.corpus, given.embedder, given.clock, given.random)
        hands = Hands(self.state, self._asker, self.receipts)
        return Placing(self.state, self.roster, hands, maker, given.clock, given.random, pace)

    def _survey(self, given: Given) -> Survey:
        settings, clock, random = self.settings, given.clock, given.random
        pages = Pages(
            self.state,
            self.roster,
            self._asker,
            self.receipts,
            clock,
            random,
            settings.known_limit,
        )
        pace = survey.Pace(
            settings.survey_pages, settings.audit_sample, IN_TIME * settings.survey_every_s
        )
        return Survey(
            self.state, self.roster, pages, self._examiner, self.settling, clock, random, pace
        )

    def _mending(self, given: Given) -> Mending:
        settings = self.settings
        patience = Patience(settings.repair_after_s, IN_TIME * settings.repair_every_s)
        return Mending(
            self.state,
            self.roster,
            self._asker,
            given.signer,
            given.clock,
            given.random,
            patience,
        )

    def _cadences(self, clock: Clock) -> tuple[Cadence, ...]:
        settings = self.settings
        with self.state.read() as connection:
            scored = evidence.last_began(connection, Kind.SCORING)
            challenged = evidence.last_began(connection, Kind.CHALLENGE)
            attempted = fact(connection, ATTEMPTED_AT)
        return (
            Cadence("placing", settings.placing_every_s, usual(self.placing.turn), clock),
            Cadence("settling", settings.placing_every_s, usual(self.settling.turn), clock),
            Cadence("survey", settings.survey_every_s, usual(self.survey.turn), clock),
            Cadence("repair", settings.repair_every_s, usual(self.mending.turn), clock),
            Cadence("scoring", settings.scoring_every_s, usual(self.scorer.round), clock, scored),
            Cadence(
                "challenge",
                settings.challenge_every_s,
                usual(self.challenger.round),
                clock,
                challenged,
            ),
            Cadence("weights", settings.weights_every_s, self.weights.attempt, clock, attempted),
        )

    def _told(self, outcome: Outcome) -> None:
        self.metrics.count_weights(outcome.code)


def watch_copies(parts: Parts) -> None:
    """Show what is known of copies in the metrics."""

    def read() -> dict[str, Any]:
        with parts.state.read() as connection:
            return coverage.coverage(connection, parts.roster.miners)

    parts.metrics.registry.register(CoverageCollector(read))
    gauge = parts.metrics.gauge
    gauge(
        "receipts_refused",
        "Receipts that were no evidence.",
        lambda: parts.receipts.refused,
    )
    gauge(
        "repairs_handed",
        "Records that holders were asked to repair.",
        lambda: parts.mending.handed,
    )


def timeout_s(settings: ValidatorSettings) -> float:
    """Seconds that a miner may take: never so many that a round ends before it has failed."""
    shortest = min(settings.scoring_every_s, settings.challenge_every_s)
    return min(settings.request_timeout_s, shortest * PART_OF_ROUND)


def usual(turn: Callable[[], Awaitable[None]]) -> Job:
    """A job that always comes again at the usual interval."""

    async def job() -> None:
        await turn()

    return job

"""A validator with real scoring code among simulated miners, on a chain and a clock in memory."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from engram.chain.interface import Axon, Chain, Signer
from engram.chain.signatures import verify
from engram.config import ValidatorSettings
from engram.dht import RoutingTable
from engram.validator import coverage, report, reward
from engram.validator.clock import Clock
from engram.validator.corpus import Corpus
from engram.validator.making import Embeds
from engram.validator.miner_client import Transport
from engram.validator.parts import Given, Parts
from engram.validator.state import State
from tests.chain.worlds import signer
from tests.miner.hash_embedder import HashEmbedder
from tests.validator.chain_in_memory import VALIDATOR, MemoryChain
from tests.validator.clocks import StillClock
from tests.validator.simulated_miners import SimulatedMiner, SimulatedNetwork

HEADS = ("bar", "cor", "del", "fen", "gil", "hap", "jot", "kem")
TAILS = ("ony", "usk", "ath", "ire", "elm", "oad", "int", "ape", "olt", "urn")
WORDS = [head + tail for head in HEADS for tail in TAILS]
PLACEMENT_BLOCKS = 10


def passages(seed: int = 1, count: int = 400) -> list[str]:
    """Sentences of ten words each, two to a passage."""
    random = Random(seed)
    return [f"{sentence(random)} {sentence(random)}" for _ in range(count)]


def sentence(random: Random) -> str:
    return " ".join(random.choices(WORDS, k=10)).capitalize() + "."


def axon_of(uid: int) -> Axon:
    return Axon("127.0.0.1", 20_000 + uid)


def settings_for(folder: Path, **changes: Any) -> ValidatorSettings:
    quick = {"min_known": 8, "placement_blocks": PLACEMENT_BLOCKS, "audit_sample": 16, "port": 0}
    return ValidatorSettings(**({"data_dir": folder} | quick | changes))


def parts_of(
    settings: ValidatorSettings,
    chain: Chain,
    transport: Transport,
    clock: Clock,
    *,
    seed: int = 1,
    key: Signer | None = None,
    embedder: Embeds | None = None,
) -> Parts:
    """A validator over the given impure things."""
    random = Random(seed)
    given = Given(
        chain=chain,
        signer=key or signer(VALIDATOR),
        verify=verify,
        state=State(settings.data_dir),
        table=RoutingTable(settings.placement_blocks, folder=settings.data_dir / "placement"),
        transport=transport,
        embedder=embedder or HashEmbedder(),
        corpus=Corpus(passages(seed), random, secret=True),
        clock=clock,
        random=random,
    )
    return Parts(settings, given)


class World:
    """A subnet of simulated miners and one validator."""

    def __init__(self, folder: Path, miners: int = 3, *, seed: int = 1, **changes: Any) -> None:
        self.settings = settings_for(folder, **changes)
        self.seed = seed
        self.chain = MemoryChain([axon_of(uid) for uid in range(miners)])
        self.miners = [SimulatedMiner(uid, Random(uid)) for uid in range(miners)]
        self.network = SimulatedNetwork({axon_of(m.uid).url: m for m in self.miners})
        self.clock = StillClock()
        self.started = self.follow_at = self.clock.seconds
        self.parts = self._opened()
        self.network.membership = lambda: self.parts.roster.table.current

    def _opened(self) -> Parts:
        return parts_of(self.settings, self.chain, self.network, self.clock, seed=self.seed)

    def restart(self) -> None:
        """As after a crash: only what is on the disk is left."""
        self.close()
        self.parts = self._opened()

    def close(self) -> None:
        self.parts.link.close()
        self.parts.state.close()

    async def blocks(self, count: int = 1) -> None:
        """That many more, with the time that they take."""
        self.chain.head += count
        self.clock.seconds += count * self.chain.rules.block_time_s
        await self.parts.follower.turn()

    async def placed(self) -> None:
        """Until every miner holds what it is assigned, and is obliged to it."""
        await self.parts.follower.turn()
        for _ in range(2):  # what nobody signed for is offered from the next placement block on
            await self.handed()
            await self.blocks(PLACEMENT_BLOCKS)
            await self.parts.settling.turn()

    async def handed(self) -> None:
        """Until there is nothing to post or to offer any more."""
        for _ in range(400):
            before = len(self.network.requests)
            await self.parts.placing.turn()
            if len(self.network.requests) == before and not self._growing():
                return

    def _growing(self) -> bool:
        from engram.validator.placing import shortfall

        return bool(shortfall(self.parts.roster.assignments(), self.settings.min_known))

    def holders(self, cid: str) -> list[SimulatedMiner]:
        """The miners that placement names."""
        membership = self.parts.roster.table.current
        assert membership is not None
        return [self.network.by_uid[member.uid] for member in membership.assigned(cid)]

    def lose(self, cid: str, among: int) -> list[SimulatedMiner]:
        """So many of its holders have it no more; which."""
        chosen = self.holders(cid)[:among]
        for miner in chosen:
            miner.records.pop(cid, None)
        return chosen

    def told(self, cid: str) -> dict[str, Any]:
        """What the validator says of a user's record."""
        with self.parts.state.read() as connection:
            return coverage.of_cid(connection, cid, self.parts.roster.miners)

    async def scored(self, rounds: int = 1) -> None:
        for _ in range(rounds):
            self.clock.seconds += self.settings.scoring_every_s
            await self.parts.scorer.round()

    async def challenged(self, rounds: int = 1) -> None:
        for _ in range(rounds):
            self.clock.seconds += self.settings.challenge_every_s
            await self.parts.challenger.round()

    async def judged(self, rounds: int = 5) -> None:
        """As much evidence as a weight set rests on."""
        await self.challenged(rounds)
        await self.scored(rounds)

    async def live(self, seconds: float) -> None:
        """Let the cadences and the chain run for so long, each turn at its own time."""
        end = self.clock.seconds + seconds
        while (moment := self._next_moment()) <= end:
            self.clock.seconds = max(self.clock.seconds, moment)
            self._make_blocks()
            if moment == self.follow_at:
                await self.parts.follower.turn()
                self.follow_at = self.clock.seconds + self.parts.follower.pause_s
            for cadence in self.parts.cadences:
                if cadence.next_at <= self.clock.seconds:
                    await cadence.turn()
        self.clock.seconds = end
        self._make_blocks()

    def _next_moment(self) -> float:
        return min(self.follow_at, *(cadence.next_at for cadence in self.parts.cadences))

    def _make_blocks(self) -> None:
        """The chain's own clock: it goes on whether anybody can reach it or not."""
        self.chain.head = 10 + int((self.clock.seconds - self.started) / 12)

    def scores(self) -> list[dict[str, Any]]:
        assignments = self.parts.roster.assignments()
        with self.parts.state.read() as connection:
            return report.scores(connection, assignments, self.parts.rules)

    def score(self, uid: int) -> dict[str, Any]:
        return next(one for one in self.scores() if one["uid"] == uid)

    def rounds(self) -> list[tuple[str, bool]]:
        """(kind, counted) of every round so far."""
        with self.parts.state.read() as connection:
            rows = connection.execute("SELECT kind, counted FROM rounds ORDER BY id").fetchall()
        return [(row["kind"], bool(row["counted"])) for row in rows]

    @property
    def rules(self) -> reward.Rules:
        return self.parts.rules

"""A scoring round over a whole subnet of miners that answer in 50 ms, over loopback sockets."""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.measure import Gate, median, results
from benchmarks.scale import Scale
from benchmarks.slow_miners import SlowMiners, slow_miners
from engram.chain.interface import Axon, Block, Neuron, Snapshot
from engram.chain.signatures import verify
from engram.config import ValidatorSettings
from engram.dht import RoutingTable
from engram.embedding.interface import Embedded
from engram.validator.ask import Asker
from engram.validator.clock import SystemClock
from engram.validator.conduct import Conduct
from engram.validator.corpus import Corpus
from engram.validator.handing import Hands
from engram.validator.making import Maker
from engram.validator.miner_client import HttpTransport
from engram.validator.parts import IN_TIME, SPREAD
from engram.validator.placing import Pace, Placing, shortfall
from engram.validator.receipts import Receipts
from engram.validator.reward import Rules
from engram.validator.roster import Roster
from engram.validator.scorer import Plan, Scorer
from engram.validator.state import State, posts

ANSWER_S = 0.050
KNOWN = 12  # records a miner: what matters is how many are asked, not how much they hold
WORDS = 2_000
MIB = 2**20


class RandomVectors:
    """Any vector will do; the texts are none anyway."""

    def embed(self, texts: Sequence[str]) -> list[Embedded]:
        """A unit vector for each text, the same for the same text."""
        return [Embedded(vector_of(text), False) for text in texts]


@dataclass(frozen=True, slots=True)
class Round:
    """What one round took."""

    seconds: float
    latency_ms: float
    grown: int
    """Resident bytes more than before."""


def run(scale: Scale, work: Path) -> dict[str, Any]:
    """Rounds one after the other; the miners share the processor with the validator."""
    rounds = asyncio.run(_rounds(scale, work / "validator"))
    seconds = [one.seconds for one in rounds]
    latencies = [one.latency_ms for one in rounds]
    grown = [one.grown / MIB for one in rounds]
    who = f"{scale.miners} miners that answer in {ANSWER_S * 1000:.0f} ms"
    return results(
        [
            Gate(f"scoring round over {who}: seconds", 20.0, "at most", seconds, "s"),
            Gate(
                f"latency measured of {who}, over what it is",
                1.2,
                "at most",
                [latency / (ANSWER_S * 1000) for latency in latencies],
                "ms",
                ours=latencies,
                floor=[ANSWER_S * 1000] * len(latencies),
            ),
            Gate(f"memory grown in a round over {who}: MiB", 64.0, "at most", grown, "MiB"),
        ],
        {"rounds": len(rounds), "measured ms": median(latencies)},
    )


async def _rounds(scale: Scale, folder: Path) -> list[Round]:
    clock = SystemClock()
    settings = ValidatorSettings(data_dir=folder)
    state = State(folder)
    async with (
        slow_miners(scale.miners) as miners,
        HttpTransport(settings.max_in_flight, clock) as transport,
    ):
        roster = _roster(state, miners)
        asker = Asker(transport, clock, settings.request_timeout_s)
        await _place(state, roster, asker)
        miners.seconds = ANSWER_S
        every = settings.scoring_every_s
        scorer = Scorer(
            state,
            roster,
            asker,
            Conduct(600, 3_600, lambda: None, lambda _: None),
            clock,
            random.Random(1),
            Plan(settings.probes, 0, SPREAD * every, IN_TIME * every),
            Rules(KNOWN, settings.window_rounds),
        )
        found = [await _round(state, scorer, scale.miners) for _ in range(scale.runs)]
    state.close()
    return found


async def _round(state: State, scorer: Scorer, miners: int) -> Round:
    process = psutil.Process()
    before = process.memory_info().rss
    began = time.perf_counter()
    await scorer.round()
    seconds = time.perf_counter() - began
    grown = process.memory_info().rss - before
    with state.read() as connection:
        row = connection.execute(
            "SELECT avg(latency_ms) AS ms, min(recall) AS recall, count(DISTINCT miner) AS asked "
            "FROM samples "
            "WHERE round = (SELECT max(id) FROM rounds)"
        ).fetchone()
    if row["recall"] < 1:
        raise RuntimeError("a miner that answers right was judged wrong")
    if row["asked"] < miners:
        raise RuntimeError(f"only {row['asked']} of {miners} miners were asked")
    return Round(seconds, row["ms"], max(0, grown))


def _roster(state: State, miners: SlowMiners) -> Roster:
    """Every miner a member, as of a placement block before the present one."""
    neurons = tuple(_neuron(uid, port) for uid, port in enumerate(miners.shelves))
    table = RoutingTable(every=100)
    roster = Roster(table, state, public=False)
    _move(roster, neurons, 100)
    return roster


def _move(roster: Roster, neurons: tuple[Neuron, ...], number: int) -> None:
    snapshot = Snapshot(1, Block(number, _digest(f"block {number}")), neurons)
    roster.table.bootstrap(snapshot, snapshot)
    roster.update(snapshot)


def _neuron(uid: int, port: int) -> Neuron:
    return Neuron(
        uid=uid,
        hotkey=f"miner {uid}",
        coldkey="",
        public_key=_digest(f"key {uid}"),
        axon=Axon("127.0.0.1", port),
        stake=0.0,
        incentive=0.0,
        dividends=0.0,
        emission=0.0,
        validator_permit=False,
        last_update=0,
        registered_at=uid,
        registered_hash=_digest(f"registration {uid}"),
    )


async def _place(state: State, roster: Roster, asker: Asker) -> None:
    """Make records and offer them until nothing is due, then let a placement block pass."""
    clock, chance = SystemClock(), random.Random(2)
    words = [_digest(f"word {n}").hex()[:8].translate(LETTERS) for n in range(WORDS)]
    texts = [" ".join(chance.choices(words, k=12)) + "." for _ in range(WORDS)]
    corpus = Corpus(texts, chance, secret=True)
    maker = Maker(state, corpus, RandomVectors(), clock, chance)
    hands = Hands(state, asker, Receipts(roster, verify))
    placing = Placing(state, roster, hands, maker, clock, chance, Pace(KNOWN, 7, 600))
    while shortfall(roster.assignments(), KNOWN) or not _all_is_posted(state):
        await placing.turn()
    _next_placement(roster)  # these miners sign nothing: each is offered what it is to hold
    while not _all_is_held(state, roster):
        await placing.turn()
    _next_placement(roster)


def _all_is_posted(state: State) -> bool:
    with state.read() as connection:
        return not posts.due(connection, SystemClock().now(), 1)


def _next_placement(roster: Roster) -> None:
    latest = roster.table.current
    assert latest is not None
    neurons = tuple(_neuron(m.uid, int(m.url.rsplit(":", 1)[1])) for m in roster.miners)
    _move(roster, neurons, latest.number + roster.table.every)


def _all_is_held(state: State, roster: Roster) -> bool:
    """Is every miner obliged to enough records to be asked, and nothing left to offer?"""
    with state.read() as connection:
        row = connection.execute(
            "SELECT count(*) AS n, total(state = 'due') AS due FROM offers"
        ).fetchone()
    named = sum(len(ids) for ids in roster.assignments().records.values())
    return not row["due"] and row["n"] >= named


LETTERS = str.maketrans("0123456789", "ghijklmnop")


def vector_of(text: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """float32, shape (384,), unit length."""
    seed = int.from_bytes(_digest(text)[:8], "big")
    row = np.random.default_rng(seed).standard_normal(384)
    return (row / np.linalg.norm(row)).astype(np.float32)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()

"""How long a search over the network takes, with and without asking others for those who are late.

The choice of members is the client's own (``engram.sdk.network.needed`` and ``standing``), the
order of events that of its ``search``; latencies are drawn, and no bytes move.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.scaling.measured import Measured, drawn
from benchmarks.scaling.world import World
from engram.dht import Member
from engram.sdk.network.async_network import DEADLINE_S
from engram.sdk.network.needed import Needed
from engram.sdk.network.standing import KEPT, Standing
from engram.sdk.network.view import View

QUANTILES = (0.5, 0.9, 0.99)


@dataclass(frozen=True, slots=True)
class Lines:
    """Assumed: round trips between a client and miners all over the world."""

    median_s: float = 0.08
    spread: float = 0.5
    """Of the logarithm: one in 20 miners is beyond 0.18 s, one in 1,000 beyond 0.37 s."""
    jitter: float = 0.1
    """Of the logarithm, from request to request."""
    loss: float = 0.005
    """Requests of which a packet is lost and sent again."""
    again_s: float = 0.2
    """The least that Linux waits before it sends again."""


NEAR = Lines(median_s=0.0, jitter=0.0, loss=0.0)
"""Everybody in one place: nothing but the miners' own latency, as measured."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one search."""

    seconds: float
    asked: int
    missing: float
    """The share of the key space without an answer."""


class Latencies:
    """What each member takes, request by request; a silent one never answers."""

    def __init__(
        self,
        members: Sequence[Member],
        lines: Lines,
        measured: Measured,
        silent: Collection[int],
        chance: np.random.Generator,
    ) -> None:
        self._lines, self._measured, self._chance = lines, measured, chance
        self._silent = frozenset(silent)
        trips = lines.median_s * np.exp(lines.spread * chance.standard_normal(len(members)))
        self._trip = {m.uid: float(trip) for m, trip in zip(members, trips, strict=True)}

    def of(self, uid: int, count: int) -> NDArray[np.float64]:
        """Seconds of so many requests to a member that answers."""
        lines, chance = self._lines, self._chance
        wire = self._trip[uid] * np.exp(lines.jitter * chance.standard_normal(count))
        again = np.where(chance.random(count) < lines.loss, lines.again_s + self._trip[uid], 0.0)
        return wire + again + drawn(self._measured.latency_s, chance.random(count))

    def one(self, uid: int) -> float:
        """Seconds of one request; infinity from a member that is silent."""
        return float("inf") if uid in self._silent else float(self.of(uid, 1)[0])


def acquainted(members: Sequence[Member], latencies: Latencies) -> Standing:
    """What a client thinks of the members after many searches, when all of them answered."""
    standing = Standing(lambda: 0.0)
    for member in members:
        for seconds in latencies.of(member.uid, KEPT):
            standing.took(member, float(seconds))
    return standing


class Search:
    """One search: answers and lateness as events in time."""

    def __init__(
        self, needed: Needed, patience: dict[int, float], latencies: Latencies, hedged: bool
    ) -> None:
        self._needed, self._patience, self._latencies = needed, patience, latencies
        self._hedged = hedged
        self._events: list[tuple[float, bool, int]] = []
        self._asked: set[int] = set()
        self._answered: set[int] = set()
        self._late: set[int] = set()

    def run(self, first: Sequence[Member]) -> Outcome:
        """Until nobody is due any more and nothing is missing, or the deadline."""
        self._ask(first, 0.0)
        now = 0.0
        while self._events and not self._done():
            now, answer, uid = heapq.heappop(self._events)
            if now >= DEADLINE_S:
                now = DEADLINE_S
                break
            if answer:
                self._answered.add(uid)
                self._late.discard(uid)
            elif uid not in self._answered:
                self._late.add(uid)
                self._ask(self._needed.also(self._late, self._asked), now)
        return Outcome(now, len(self._asked), self._needed.missing(self._answered))

    def _ask(self, members: Sequence[Member], now: float) -> None:
        for member in members:
            uid = member.uid
            self._asked.add(uid)
            takes = min(self._latencies.one(uid), DEADLINE_S)
            heapq.heappush(self._events, (now + takes, takes < DEADLINE_S, uid))
            if self._hedged and self._patience[uid] < takes:
                heapq.heappush(self._events, (now + self._patience[uid], False, uid))

    def _done(self) -> bool:
        due = self._asked - self._answered - self._late
        return not due and not self._needed.missing(self._answered)


def searches(
    world: World,
    measured: Measured,
    *,
    lines: Lines,
    hedged: bool,
    silent: int = 0,
    count: int = 1_000,
) -> dict[str, Any]:
    """Quantiles over many searches of one client. ``silent`` of those that it asks say nothing."""
    members = world.membership().members
    alike = f"fanout {lines}"  # the same round trips, whoever is silent and whatever is hedged
    standing = acquainted(members, Latencies(members, lines, measured, (), world.chance(alike)))
    needed = Needed(View(world.membership()), standing)
    first = needed.first()
    patience = {member.uid: standing.patience(member) for member in members}
    still = [member.uid for member in first[:silent]]
    latencies = Latencies(members, lines, measured, still, world.chance(alike))
    outcomes = [Search(needed, patience, latencies, hedged).run(first) for _ in range(count)]
    return summary(outcomes, len(first))


def summary(outcomes: Sequence[Outcome], first: int) -> dict[str, Any]:
    """Milliseconds and requests."""
    seconds = np.array([outcome.seconds for outcome in outcomes])
    quantiles = {f"p{q * 100:g}, ms": float(np.quantile(seconds, q)) * 1e3 for q in QUANTILES}
    return {
        "asked at once": first,
        "asked in all, mean": float(np.mean([outcome.asked for outcome in outcomes])),
        **quantiles,
        "complete": float(np.mean([outcome.missing == 0 for outcome in outcomes])),
        "missing, mean": float(np.mean([outcome.missing for outcome in outcomes])),
        "quantiles, ms": np.round(np.quantile(seconds, np.linspace(0, 1, 201)) * 1e3, 2).tolist(),
    }

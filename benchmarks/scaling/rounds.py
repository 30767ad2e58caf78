"""When each miner compares with each other one after some are lost, and from when it does without.

The order of events of engram.miner.replication.rounds and reach, without their messages: a heap
in the place of sockets.
"""

from __future__ import annotations

import heapq
import math
import random
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.scaling.rules import Rules

UNTIL_S = 4 * 3_600.0  # a miner that is not through by then never is


@dataclass(slots=True)
class Diary:
    """What one miner did since the loss, in seconds after it."""

    absent_at: dict[int, float] = field(default_factory=dict)
    """From when others stand in for a lost member, by UID."""
    compared_at: dict[int, list[float]] = field(default_factory=dict)
    """When comparisons with a living member ended, ascending, by UID."""
    exchanges: int = 0
    """Comparisons with living members."""

    def first_after(self, uid: int, moment: float) -> float:
        """When the first comparison ended that began after; infinity if there was none."""
        ended = self.compared_at.get(uid, [])
        at = bisect_left(ended, moment)
        return ended[at] if at < len(ended) else math.inf


class Miner:
    """One living member: up to ``at_once`` turns, each for whoever is due for the longest time."""

    def __init__(
        self,
        others: Sequence[int],
        dead: Collection[int],
        rules: Rules,
        chance: np.random.Generator,
    ) -> None:
        self._others = others
        self._dead = frozenset(dead)
        self._rules = rules
        self._random = random.Random(int(chance.integers(2**62)))
        self._due = [(self._draw(rules.compare_every_s), uid) for uid in others]
        heapq.heapify(self._due)
        self._busy: list[tuple[float, int]] = []
        """Turns under way: when each ends, and with whom."""
        self._expected: list[float] = []
        """Moments at which a member will count as absent."""
        self._left = set(others) - self._dead
        self.diary = Diary(compared_at={uid: [] for uid in self._left})

    def live(self) -> Diary:
        """Until all lost members count as absent and each living one was compared with since."""
        look_every = self._rules.compare_every_s / self._rules.soon
        look = self._draw(look_every)
        while (self._left or self._expected) and look < UNTIL_S:
            if self._busy and self._busy[0][0] <= look:
                now, _ = heapq.heappop(self._busy)
                self._begin_turn(now)
                continue
            self._notice(look)
            while len(self._busy) < self._rules.at_once and self._begin_turn(look):
                pass
            look += look_every
        return self.diary

    def _begin_turn(self, now: float) -> bool:
        """Compare with whoever is due; False if nobody is."""
        busy = {uid for _, uid in self._busy}
        passed = []
        while self._due and self._due[0][0] <= now:
            due, uid = heapq.heappop(self._due)
            if uid not in busy:
                break
            passed.append((due, uid))
        else:
            uid = -1
        for each in passed:
            heapq.heappush(self._due, each)
        if uid < 0:
            return False
        again = now + self._rules.compare_every_s * (0.9 + self._draw(0.2))
        heapq.heappush(self._due, (again, uid))
        end = self._silence(uid, now) if uid in self._dead else self._exchange(uid, now)
        heapq.heappush(self._busy, (end, uid))
        return True

    def _silence(self, uid: int, now: float) -> float:
        end = now + self._rules.silence_s
        if uid not in self.diary.absent_at:
            self.diary.absent_at[uid] = end + self._rules.absent_after_s
            heapq.heappush(self._expected, end + self._rules.absent_after_s)
        return end

    def _exchange(self, uid: int, now: float) -> float:
        end = now + self._rules.exchange_s
        self.diary.compared_at[uid].append(end)
        self.diary.exchanges += 1
        if len(self.diary.absent_at) == len(self._dead) and not self._expected:
            self._left.discard(uid)
        return end

    def _notice(self, now: float) -> None:
        """Everybody is due soon once others stand in for one more."""
        if not self._expected or self._expected[0] > now:
            return
        while self._expected and self._expected[0] <= now:
            heapq.heappop(self._expected)
        soon = self._rules.compare_every_s / self._rules.soon
        self._due = [(now + self._draw(soon), uid) for uid in self._others]
        heapq.heapify(self._due)

    def _draw(self, most: float) -> float:
        return self._random.random() * most

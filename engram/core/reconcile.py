"""One side of a comparison by digest ranges: what to ask next, and what the answers show."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from engram.core.ranges import Digests, DigestSet, Span, Verdict, among
from engram.errors import InvalidInput

NONE: Digests = np.zeros((0, 32), np.uint8)


class Reconciliation:
    """Finds what differs from the other side, by asking about ranges until none is open.

    Ranges in which this side holds nothing and the other more than ``unlisted`` are left to the
    other side, which finds with one answer what this one would need a listing for. ``chance``
    chooses which ranges come first, so that whoever gives up early begins elsewhere next time.
    """

    def __init__(
        self, mine: DigestSet, *, unlisted: int | None = None, chance: random.Random | None = None
    ) -> None:
        self.mine = mine
        self._unlisted = unlisted
        self._chance = chance
        self._open = [mine.span()]
        self._only_mine: list[Digests] = []
        self._only_theirs: list[Digests] = []
        self.left_out = False
        """True if a range was left to the other side."""

    @property
    def done(self) -> bool:
        """True if nothing is left to ask."""
        return not self._open

    def ask(self, limit: int) -> list[Span]:
        """Up to ``limit`` ranges, the narrowest first; each wants an answer."""
        asked, self._open = self._open[-limit:], self._open[:-limit]
        return asked

    def learn(self, asked: Span, verdict: Verdict) -> None:
        """Take the answer on a range. Raises InvalidInput if it cannot be one."""
        if verdict.same:
            return
        if verdict.held is not None:
            self._compare(asked, verdict.held)
            return
        check_tiling(asked, verdict.parts)
        differing = [part for part in verdict.parts if self._differs(part)]
        if self._chance is not None:
            self._chance.shuffle(differing)
        self._open += [self.mine.span(part.low, part.high) for part in differing]

    def only_mine(self) -> Digests:
        """What the other side lacks, as far as it is known: in order of discovery."""
        return np.concatenate([NONE, *self._only_mine])

    def only_theirs(self) -> Digests:
        """What this side lacks."""
        return np.concatenate([NONE, *self._only_theirs])

    @property
    def found(self) -> int:
        """How many digests the other side is known to lack."""
        return sum(len(digests) for digests in self._only_mine)

    def _compare(self, asked: Span, held: Digests) -> None:
        check_order(asked, held)
        mine = self.mine.within(asked.low, asked.high)
        self._only_mine.append(mine[~among(mine, held)])
        self._only_theirs.append(held[~among(held, mine)])

    def _differs(self, theirs: Span) -> bool:
        """Whether to ask about a part."""
        mine = self.mine.span(theirs.low, theirs.high)
        if theirs.agrees(mine):
            return False
        if mine.count == 0 and self._unlisted is not None and theirs.count > self._unlisted:
            self.left_out = True
            return False
        return True


def check_tiling(asked: Span, parts: Sequence[Span]) -> None:
    """Raise InvalidInput unless the parts divide the range that was asked about."""
    lows, highs = [part.low for part in parts], [part.high for part in parts]
    chained = len(parts) > 1 and highs[:-1] == lows[1:]
    ascending = all(low < high for low, high in pairwise(lows))
    if not chained or not ascending or (lows[0], highs[-1]) != (asked.low, asked.high):
        raise InvalidInput("The parts of an answer do not make up the range.")
    if asked.high is not None and lows[-1] >= asked.high:
        raise InvalidInput("The parts of an answer reach beyond the range.")


def check_order(asked: Span, held: Digests) -> None:
    """Raise InvalidInput unless these are distinct digests of the range, in order."""
    rows = [row.tobytes() for row in held]
    ordered = all(low < high for low, high in pairwise(rows))
    inside = all(asked.low <= row and (asked.high is None or row < asked.high) for row in rows)
    if not (ordered and inside):
        raise InvalidInput("The digests of an answer are not in order, or not in the range.")

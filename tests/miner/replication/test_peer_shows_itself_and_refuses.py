"""A member that is silent and shows itself by turns, and takes nothing, is asked less and less."""

from __future__ import annotations

import random

from engram.miner.replication.backoff import FIRST_S, LONGEST_S, SPREAD, Backoff


class Still:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


def test_being_seen_ends_the_wait_and_not_the_count() -> None:
    pace = Backoff(Still(), random.Random(3))
    waits = []
    for _ in range(12):
        pace.failed()
        waits.append(pace.left_s)
        pace.lift()
        assert pace.left_s == 0
    assert waits[0] <= FIRST_S * (1 + SPREAD)
    assert min(waits[-3:]) >= LONGEST_S * (1 - SPREAD)


def test_taking_something_ends_both() -> None:
    pace = Backoff(Still(), random.Random(3))
    for _ in range(12):
        pace.failed()
    pace.reset()
    assert pace.left_s == 0
    pace.failed()
    assert pace.left_s <= FIRST_S * (1 + SPREAD)

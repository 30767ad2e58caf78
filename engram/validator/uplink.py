"""Is it the miners that fail, or our own line? A round that is our own fault counts for nobody."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from engram.validator.state.database import fact, set_fact
from engram.validator.state.miners import answered_before

DISCARDED_SINCE = "discarded_since"


@dataclass(frozen=True, slots=True)
class Reached:
    """Who answered anything at all in a round, and who could not be reached."""

    answered: frozenset[int]
    silent: frozenset[int]


def reached(answered: Mapping[int, bool]) -> Reached:
    """From miner to whether any of its requests got a reply, right or wrong."""
    return Reached(
        frozenset(miner for miner, spoke in answered.items() if spoke),
        frozenset(miner for miner, spoke in answered.items() if not spoke),
    )


def own_fault(tx: sqlite3.Connection, round_: Reached, now: float, patience_s: float) -> str | None:
    """Why a round is discarded, or None if it counts.

    It is discarded if more than half of the miners fail by connection that answered last time.
    While nobody at all answers, that has no end. While some answer, it ends after ``patience_s``:
    then the others are gone, and it is not our line.
    """
    asked = round_.answered | round_.silent
    before = answered_before(tx) & asked
    failed = before & round_.silent
    if 2 * len(failed) <= len(before):
        set_fact(tx, DISCARDED_SINCE, None)
        return None
    since = fact(tx, DISCARDED_SINCE)
    if since is None:
        set_fact(tx, DISCARDED_SINCE, now)
    elif round_.answered and now - since >= patience_s:
        return None
    return (
        f"{len(failed)} of {len(before)} miners that answered last time cannot be reached, "
        "or find our clock wrong"
    )

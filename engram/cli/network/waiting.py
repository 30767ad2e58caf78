"""Waiting until a young network has come so far that there is something to show."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from engram.cli.network.asking import ask
from engram.cli.network.layout import Layout
from engram.cli.network.standing import NetworkStanding, standing
from engram.errors import NotReady

POLL_S = 1.0
TELL_EVERY_S = 5.0
PATIENCE_S = 300.0  # a quiet machine takes 40 s
PLACED_S = 30.0  # two placement blocks and what is left of a third: 15 s with blocks of 1 s


def wait_placed(
    urls: Sequence[str],
    *,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Wait until the first of these miners knows all of them as members; False if it never does.

    What is stored before waits for its holders to be named. A miner whose port has changed is a
    member at its old address until placement moves.
    """
    deadline = monotonic() + PLACED_S
    while not is_placed(ask(urls[0] + "/peers") or {"members": []}, urls):
        if monotonic() >= deadline:
            return False
        sleep(POLL_S / 4)
    return True


def is_placed(peers: dict[str, Any], urls: Sequence[str]) -> bool:
    """True if the answer to /peers has all these addresses."""
    return {member["url"] for member in peers["members"]} >= set(urls)


def wait_paid(
    layout: Layout,
    told: Callable[[NetworkStanding], None],
    *,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> NetworkStanding:
    """How the network stands once weights are set and every miner is paid.

    ``told`` hears of it every few seconds. Raises NotReady if it does not come to that.
    """
    began = last_told = monotonic()
    while True:
        found = standing(layout)
        if is_paid(found):
            return found
        now = monotonic()
        if now - last_told >= TELL_EVERY_S:
            last_told = now
            told(found)
        if now - began >= PATIENCE_S:
            raise NotReady(
                f"After {PATIENCE_S:.0f} s the validator has not set weights yet; "
                f"{layout.log('validator')} says why."
            )
        sleep(POLL_S)


def is_paid(found: NetworkStanding) -> bool:
    """True once every miner has weight and incentive."""
    miners = [one for one in found.neurons if one.role == "miner"]
    return all(one.weight and one.incentive > 0 for one in miners)

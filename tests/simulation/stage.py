"""What stands in for the real thing in all of Engram while a simulation runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from tests.simulation.keys import quick_signatures
from tests.simulation.threads import SimulatedPool
from tests.simulation.validator import LinkWithoutThread

WATCH_EVERY_S = 5.0  # 1 in a real node: a third of all that a simulation would do


@contextmanager
def simulated_parts() -> Iterator[None]:
    """Keys, thread pools and the validator's own thread."""
    with ExitStack() as stack:
        stack.enter_context(quick_signatures())
        for name, part in (
            ("engram.miner.lane.ThreadPoolExecutor", SimulatedPool),
            ("engram.validator.parts.ChainLink", LinkWithoutThread),
            ("engram.miner.replication.replication.WATCH_EVERY_S", WATCH_EVERY_S),
        ):
            stack.enter_context(patch(name, part))
        yield

"""What stands in for the real thing in all of Engram while a simulation runs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

from engram.miner.openapi import document
from tests.simulation.keys import quick_signatures
from tests.simulation.loop import simulate
from tests.simulation.quiet import loud_only
from tests.simulation.threads import SimulatedPool
from tests.simulation.validator import LinkWithoutThread

T = TypeVar("T")

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
            ("engram.miner.api.document", cache(document)),  # of OpenAPI, at each restart
        ):
            stack.enter_context(patch(name, part))
        yield


def staged(main: Callable[[Path], Coroutine[Any, Any, T]]) -> T:
    """Simulate it, with a folder that is gone afterwards. Raises what it raises, or Unexpected."""
    with tempfile.TemporaryDirectory(dir=fast_folder()) as folder, simulated_parts(), loud_only():
        return simulate(main(Path(folder)))


def fast_folder() -> str | None:
    """Memory, where there is a folder for it: what is written there need not survive."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() else None

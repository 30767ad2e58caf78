"""Stands where thread pools stand: what is submitted is done on the loop, a moment later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, TypeVar

from tests.simulation.life import LIFE, Life

T = TypeVar("T")

WRITES = {"forget", "enqueue", "delivered", "drop_seats"}  # of a store: these wait for the disk


@dataclass
class Speed:
    """How fast the disk of a process is, for the moment."""

    commit_s: float = 0.004
    """Mean; each takes up to twice as long."""


class Machine:
    """What a process runs on: its disk's speed, and chance. Commits are done one after the other.

    A crash before a commit leaves nothing of it on disk. A crash after it, and before the answer,
    leaves the commit on disk, and nobody was told.
    """

    def __init__(self, life: Life, random: Random, speed: Speed) -> None:
        self.life = life
        self.speed = speed
        self._random = random
        self._loop = asyncio.get_running_loop()
        self._free_at = 0.0

    def run(self, call: Callable[[], T], *, writes: bool) -> Future[T]:
        """The call's result, at a later turn of the loop; none if the process ends before."""
        future: Future[T] = Future()
        if not writes:
            self._loop.call_soon(self._do, future, call, 0.0)
            return future
        took = self._random.uniform(0, 2 * self.speed.commit_s)
        self._free_at = max(self._free_at, self._loop.time()) + took
        answer_s = self._random.uniform(0, self.speed.commit_s)
        self._loop.call_at(self._free_at, self._do, future, call, answer_s)
        return future

    def _do(self, future: Future[T], call: Callable[[], T], answer_s: float) -> None:
        if not self.life.alive or not future.set_running_or_notify_cancel():
            return
        try:
            tell = partial(future.set_result, call())
        except Exception as error:  # noqa: BLE001  handed on to whoever waits
            tell = partial(future.set_exception, error)
        if answer_s:
            self._loop.call_later(answer_s, tell)
        else:
            tell()


MACHINES: dict[Life, Machine] = {}
"""By the process that runs on them."""


class SimulatedPool:
    """A ThreadPoolExecutor of the present process, as far as lanes use one."""

    def __init__(self, threads: int, thread_name_prefix: str = "") -> None:
        self._machine = MACHINES[LIFE.get()]

    def submit(self, call: Callable[..., T], *args: Any, **kwargs: Any) -> Future[T]:
        writes = getattr(call, "__name__", "") in WRITES
        return self._machine.run(partial(call, *args, **kwargs), writes=writes)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        pass

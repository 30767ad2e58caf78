"""Threads for calls that block, with a bound on how many may wait."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import ParamSpec, TypeVar

from engram.errors import Overloaded
from engram.miner.landing import Landing

P = ParamSpec("P")
T = TypeVar("T")


class Lane:
    """A few threads and a queue of at most ``waiting`` calls in front of them."""

    def __init__(
        self, name: str, threads: int, waiting: int, deadline_s: float, landing: Landing
    ) -> None:
        self.name = name
        self.limit = threads + waiting
        self.deadline_s = deadline_s
        self.landing = landing
        self.in_flight = 0
        self._count = Lock()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"engram-{name}")

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The call's result. Raises what it raises; Overloaded if too many wait, or too long."""
        if self.in_flight >= self.limit:
            raise Overloaded(f"Too many requests wait ({self.name}); try again.", retry_after=1)
        with self._count:
            self.in_flight += 1
        future = self._pool.submit(call, *args, **kwargs)
        future.add_done_callback(self._left)
        return await self.landing.wait(future, self.deadline_s)

    def _left(self, _: Future[T]) -> None:
        with self._count:
            self.in_flight -= 1

    def close(self) -> None:
        """Drop what waits, and wait for what runs."""
        self._pool.shutdown(wait=True, cancel_futures=True)

"""Results of worker threads, brought home to the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from engram.errors import Overloaded

T = TypeVar("T")


class Landing:
    """Takes note of futures that threads resolve, with one wake-up of the loop for many of them.

    A group commit resolves dozens of futures in a row. ``asyncio.wrap_future`` would wake the
    loop once for each, and every wake-up is a system call and a fight for the GIL.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._arrivals: deque[tuple[Callable[[Future[Any]], None], Future[Any]]] = deque()
        self._bell_rung = False

    def when_done(self, future: Future[T], call: Callable[[Future[T]], None]) -> None:
        """Call with the resolved future, on the loop."""
        future.add_done_callback(partial(self._arrived, call))

    async def wait(self, future: Future[T], seconds: float) -> T:
        """The future's result. Raises what it raised, or Overloaded after ``seconds``.

        Giving up does not undo the work.
        """
        waiter: asyncio.Future[T] = self.loop.create_future()
        self.when_done(future, partial(_hand_over, waiter))
        timer = self.loop.call_later(seconds, give_up, waiter, seconds)
        try:
            return await waiter
        finally:
            timer.cancel()

    def _arrived(self, call: Callable[[Future[T]], None], future: Future[T]) -> None:
        """Called in whichever thread resolved the future."""
        self._arrivals.append((call, future))
        if not self._bell_rung:
            self._bell_rung = True
            self.loop.call_soon_threadsafe(self._unload)

    def _unload(self) -> None:
        self._bell_rung = False  # before the deque is emptied, so that a late arrival rings again
        while self._arrivals:
            call, future = self._arrivals.popleft()
            call(future)


def _hand_over(waiter: asyncio.Future[T], future: Future[T]) -> None:
    if waiter.done():
        return
    if future.cancelled():
        waiter.cancel()
    elif (error := future.exception()) is not None:
        waiter.set_exception(error)
    else:
        waiter.set_result(future.result())


def give_up(waiter: asyncio.Future[Any], seconds: float) -> None:
    """Let the waiter raise Overloaded, if it still waits."""
    if not waiter.done():
        waiter.set_exception(
            Overloaded(f"No answer within {seconds:g} s; try again later.", retry_after=5)
        )

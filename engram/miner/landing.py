"""Results of worker threads, brought home to the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from engram.errors import Overloaded

T = TypeVar("T")
Arrival = tuple["asyncio.Future[Any]", "Future[Any]"]


class Landing:
    """Waits for futures that threads resolve, with one wake-up of the loop for many of them.

    A group commit resolves dozens of futures in a row. ``asyncio.wrap_future`` would wake the
    loop once for each, and every wake-up is a system call and a fight for the GIL.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._arrivals: deque[Arrival] = deque()
        self._bell_rung = False

    async def wait(self, future: Future[T], seconds: float) -> T:
        """The future's result. Raises what it raised, or Overloaded after ``seconds``.

        Giving up does not undo the work: a write may still be committed.
        """
        waiter: asyncio.Future[T] = self._loop.create_future()
        future.add_done_callback(partial(self._arrived, waiter))
        timer = self._loop.call_later(seconds, _give_up, waiter, seconds)
        try:
            return await waiter
        finally:
            timer.cancel()

    def _arrived(self, waiter: asyncio.Future[T], future: Future[T]) -> None:
        """Called in whichever thread resolved the future."""
        self._arrivals.append((waiter, future))
        if not self._bell_rung:
            self._bell_rung = True
            self._loop.call_soon_threadsafe(self._unload)

    def _unload(self) -> None:
        self._bell_rung = False  # before the deque is emptied, so that a late arrival rings again
        while self._arrivals:
            _hand_over(*self._arrivals.popleft())


def _hand_over(waiter: asyncio.Future[Any], future: Future[Any]) -> None:
    if waiter.done():
        return
    if future.cancelled():
        waiter.cancel()
    elif (error := future.exception()) is not None:
        waiter.set_exception(error)
    else:
        waiter.set_result(future.result())


def _give_up(waiter: asyncio.Future[Any], seconds: float) -> None:
    if not waiter.done():
        waiter.set_exception(
            Overloaded(f"No answer within {seconds:g} s; try again later.", retry_after=5)
        )

"""A simulated process: whatever it started ends with it, at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

T = TypeVar("T")


class Life:
    """From the start of a process to its end, which asks nobody.

    Tasks are remembered in the order in which they were made: that of asyncio's own set depends on
    where in memory they lie.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._last_words: list[Callable[[], object]] = []

    def take(self, task: asyncio.Task[Any]) -> None:
        """The task belongs to this process."""
        self._tasks[task] = None
        task.add_done_callback(self._forget)
        if not self.alive:
            task.cancel()

    def run(self, main: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a task in this process, whoever calls."""
        context = copy_context()
        context.run(LIFE.set, self)
        return asyncio.get_running_loop().create_task(main, context=context)

    def at_end(self, call: Callable[[], object]) -> None:
        """Call it when the process is over: a connection that breaks, for one."""
        self._last_words.append(call)

    def not_at_end(self, call: Callable[[], object]) -> None:
        self._last_words.remove(call)

    def check(self) -> None:
        """Raise CancelledError in a process that is over: the dead touch nothing."""
        if not self.alive:
            raise asyncio.CancelledError(f"{self.name} is over")

    def end(self) -> None:
        """SIGKILL."""
        self.alive = False
        for task in list(self._tasks):
            task.cancel()
        calls, self._last_words = self._last_words, []
        for call in calls:
            call()

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        if not task.cancelled() and not self.alive:
            task.exception()  # what a dead process stumbles over is nobody's concern


LIFE: ContextVar[Life] = ContextVar("LIFE")
"""The process in which the present task runs."""

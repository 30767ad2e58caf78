"""An event loop on which an hour passes as fast as what happens in it can be computed.

Time moves only when nothing is left to do at the present moment, and then jumps to the next timer.
There are no sockets and no threads, so the order of everything follows from the program alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from itertools import count
from typing import Any, TypeVar

from tests.simulation.life import LIFE, Life

T = TypeVar("T")

LAST_TURNS = 10  # of the loop, in which what was cancelled comes to its end
MOST_TURNS_AT_ONCE = 1_000_000  # of the loop without time passing: something runs in circles


class Deadlock(Exception):
    """Somebody waits for what nothing is going to bring."""


class Circling(Exception):
    """Time stands still: the same callbacks call each other for ever."""


class Jumping:
    """Stands where a selector stands in other loops: it moves the time instead of waiting."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop
        self._turns = 0

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Deadlock("nothing is scheduled, and the simulation has not ended")
        if timeout > 0:
            self._loop.jump()
            self._turns = 0
            return []
        self._turns += 1
        if self._turns > MOST_TURNS_AT_ONCE:
            self._turns = 0
            raise Circling(f"{MOST_TURNS_AT_ONCE:,} turns of the loop at {self._loop.time()} s")
        return []

    def close(self) -> None:
        pass


class NumberedTask(asyncio.Task[T]):
    """Hashed by the order in which tasks are made, not by where in memory they lie: asyncio keeps
    what it waits for in sets, and goes through them."""

    def __init__(self, coroutine: Coroutine[Any, Any, T], *, number: int, **options: Any) -> None:
        self._number = number
        super().__init__(coroutine, **options)

    def __hash__(self) -> int:
        return self._number


class NumberedFuture(asyncio.Future[T]):
    """The same for futures."""

    def __init__(self, number: int, loop: asyncio.AbstractEventLoop) -> None:
        self._number = number
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self._number


class SimulatedLoop(asyncio.BaseEventLoop):
    """``time()`` are seconds since the simulation began."""

    _scheduled: list[asyncio.TimerHandle]

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._selector = Jumping(self)
        self.set_task_factory(make_task)  # type: ignore[arg-type]  # its tasks are tasks
        self.offload_s: Callable[[], float] = float
        """How long work on another thread takes; 0 unless somebody says otherwise."""
        self.unseen: list[dict[str, Any]] = []
        """Errors that ended in nobody's hands."""
        self.numbers = count()
        self.set_exception_handler(lambda _, context: self.unseen.append(context))

    def time(self) -> float:
        return self._now

    def jump(self) -> None:
        """To the next timer."""
        self._now = max(self._now, self._scheduled[0].when())

    def create_future(self) -> asyncio.Future[Any]:
        return NumberedFuture(next(self.numbers), self)

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Call it here, but not at once: others get their turn, as they would with a thread."""
        done: asyncio.Future[T] = self.create_future()
        self.call_later(self.offload_s(), work, done, func, args)
        return done

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


def work(done: asyncio.Future[T], func: Callable[..., T], args: tuple[Any, ...]) -> None:
    """Resolve the future with what the function returns or raises."""
    if done.cancelled():
        return
    try:
        found = func(*args)
    except StopIteration as error:
        done.set_exception(RuntimeError(f"{error!r} cannot be raised into a future"))
    except BaseException as error:  # noqa: BLE001  handed on to whoever waits
        done.set_exception(error)
    else:
        done.set_result(found)


def make_task(
    loop: asyncio.AbstractEventLoop,
    coroutine: Coroutine[Any, Any, T],
    context: Context | None = None,
    **options: Any,
) -> asyncio.Task[T]:
    """A task that ends with the process in which it was made."""
    assert isinstance(loop, SimulatedLoop)
    number = next(loop.numbers)
    task = NumberedTask(coroutine, number=number, loop=loop, context=context, **options)
    life = LIFE.get(None) if context is None else context.get(LIFE)
    if life is not None:
        life.take(task)
    return task


def simulate(main: Coroutine[Any, Any, T]) -> T:
    """Run it to its end in a loop of its own. Raises what it raises, Deadlock or Circling."""
    loop = SimulatedLoop()
    asyncio.set_event_loop(loop)
    world = Life("the world")
    try:
        found = loop.run_until_complete(lived(world, main))
        if loop.unseen:
            raise AssertionError(f"errors that nobody saw: {loop.unseen}")
        return found
    finally:
        world.end()
        for _ in range(LAST_TURNS):
            loop.run_until_complete(asyncio.sleep(0))
        asyncio.set_event_loop(None)
        loop.close()


async def lived(life: Life, main: Coroutine[Any, Any, T]) -> T:
    """Run it in a process of its own."""
    return await life.run(main)

"""The SDK's connection, on a thread of its own: whoever asks waits no longer than the deadline.

The SDK answers from an event loop and gives up on a silent node only after 60 seconds. So the
loop gets a thread, callers wait beside it, and a connection that kept one waiting too long is
let go of with its thread; the next call makes another.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import structlog

from engram.chain.subtensor.endpoint import Endpoint
from engram.chain.subtensor.failures import unavailable
from engram.errors import ChainUnavailable

if TYPE_CHECKING:
    import bittensor

    Work = Callable[[bittensor.RpcSubstrate], Awaitable["T"]]

T = TypeVar("T")
CLOSE_S = 1.0  # a frozen node does not answer the websocket's goodbye

log = structlog.get_logger(__name__)


class LetGo(Exception):
    """The connection was let go of before it answered."""


class Connection:
    """One thread, its event loop, and one connection of the SDK on it."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._substrate = endpoint.substrate()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="subtensor", daemon=True)
        self._thread.start()
        self._ready.wait()

    def ask(self, work: Work[T], deadline_s: float) -> T:
        """What ``work`` gives. Raises TimeoutError at the deadline, LetGo if it was let go of."""
        coroutine = self._ask(work)
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:  # the loop is closed
            coroutine.close()
            raise LetGo from None
        try:
            return future.result(deadline_s)
        except CancelledError:
            raise LetGo from None
        finally:
            future.cancel()

    def let_go(self) -> None:
        """Close it soon, without waiting; twice is once."""
        with suppress(RuntimeError):  # it is closed
            self._loop.call_soon_threadsafe(self._stop.set)

    def join(self) -> None:
        """Wait until its thread has ended; not for long if something holds it."""
        self._thread.join(5 * CLOSE_S)

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        with suppress(asyncio.CancelledError):
            asyncio.run(self._live())

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_log_quietly)
        self._stop = asyncio.Event()
        self._dialling = asyncio.Lock()
        self._asking: set[asyncio.Task[object]] = set()
        self._ready.set()
        await self._stop.wait()
        for task in self._asking:  # before the SDK tells them of a session that was closed
            task.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._substrate.close()

    async def _ask(self, work: Work[T]) -> T:
        task = asyncio.current_task()
        assert task is not None  # run_coroutine_threadsafe makes one
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        with unavailable(self._endpoint.name):
            async with self._dialling:
                await self._substrate.connect()  # nothing, if it is connected
            return await work(self._substrate)


class Owner:
    """Holds the one connection, and replaces it when it froze."""

    def __init__(self, endpoint: Endpoint, deadline_s: float) -> None:
        self._endpoint = endpoint
        self._deadline_s = deadline_s
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._leaving: list[Connection] = []
        self._closed = False

    def ask(self, work: Work[T]) -> T:
        """What ``work`` gives within the deadline. Raises ChainUnavailable."""
        connection = self._current()
        try:
            return connection.ask(work, self._deadline_s)
        except TimeoutError:
            self._replace(connection)
            raise self._no_answer() from None
        except LetGo:
            raise _closed() if self._closed else self._no_answer() from None

    def close(self) -> None:
        """Let go of the connection and wait for its thread; twice is once."""
        with self._lock:
            self._closed = True
            connections = [*self._leaving, *filter(None, [self._connection])]
            self._connection, self._leaving = None, []
        for connection in connections:
            connection.let_go()
        for connection in connections:
            connection.join()

    def _no_answer(self) -> ChainUnavailable:
        return ChainUnavailable(
            f"{self._endpoint.name} gave no answer within {self._deadline_s:g} s"
        )

    def _current(self) -> Connection:
        with self._lock:
            if self._closed:
                raise _closed()
            if self._connection is None:
                self._connection = Connection(self._endpoint)
            return self._connection

    def _replace(self, frozen: Connection) -> None:
        with self._lock:
            if self._connection is not frozen:
                return  # another caller was quicker
            self._connection = None
            self._leaving = [one for one in self._leaving if one.is_alive()] + [frozen]
        log.warning("chain_frozen", chain=self._endpoint.name)
        frozen.let_go()


def _closed() -> ChainUnavailable:
    return ChainUnavailable("this connection to the chain is closed")


def _log_quietly(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """The SDK's own background task fails when a node is lost; its callers are told anyway."""
    log.debug("chain_background", error=str(context.get("exception") or context.get("message")))

"""The validator's one connection to the chain: every call off the event loop, with a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from engram.chain.interface import Block, Chain, Hyperparameters, Receipt, Snapshot
from engram.errors import ChainUnavailable

T = TypeVar("T")
Job = tuple[Future[Any], Callable[[], Any]]


class ChainLink:
    """Asks one question at a time. A call that hangs makes the next ones fail at once, not wait.

    Every call raises ChainUnavailable if there is no answer in time, and what the chain raises.
    """

    def __init__(self, chain: Chain, netuid: int, deadline_s: float) -> None:
        self.chain = chain
        self.netuid = netuid
        self.problem: str | None = "not connected yet"
        """Why the chain cannot be used now; None while it can."""
        self.block_number: int | None = None
        """Of the last finalized block that was seen."""
        self._deadline_s = deadline_s
        self._turn = asyncio.Lock()
        self._owed: Future[Any] | None = None
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        # A daemon: a frozen node must not hold up the end of the process.
        self._thread = Thread(target=self._work, name="engram-chain", daemon=True)
        self._thread.start()

    @property
    def connected(self) -> bool:
        return self.problem is None

    async def connect(self) -> None:
        """Reach the chain."""
        await self._call(self.chain.connect)

    async def block(self) -> Block:
        """The last finalized block."""
        block = await self._call(self.chain.block)
        self.block_number = block.number
        return block

    async def snapshot(self, at_block: int | None = None) -> Snapshot:
        """The subnet, now or at an earlier block."""
        return await self._call(partial(self.chain.snapshot, self.netuid, at_block))

    async def hyperparameters(self) -> Hyperparameters:
        """The subnet's rules."""
        return await self._call(partial(self.chain.hyperparameters, self.netuid))

    async def set_weights(self, weights: dict[str, float], version_key: int) -> Receipt:
        """Submit weights by hotkey. After ChainUnavailable nobody knows whether they arrived."""
        return await self._call(
            partial(self.chain.set_weights, weights, version_key, netuid=self.netuid)
        )

    def close(self) -> None:
        """Let go of the connection, in its own thread, which then ends."""
        self._jobs.put((Future(), self.chain.close))
        self._jobs.put(None)

    async def _call(self, work: Callable[[], T]) -> T:
        async with self._turn:
            try:
                result = await self._answered(work)
            except ChainUnavailable as error:
                self.problem = error.message
                raise
            self.problem = None
            return result

    async def _answered(self, work: Callable[[], T]) -> T:
        if self._owed is not None and not self._owed.done():
            raise ChainUnavailable("the chain still owes the answer to an earlier call")
        future: Future[T] = Future()
        self._owed = future
        self._jobs.put((future, work))
        answer = asyncio.wrap_future(future)
        await asyncio.wait([answer], timeout=self._deadline_s)
        if answer.done():
            return answer.result()
        answer.add_done_callback(_look_away)
        raise ChainUnavailable(f"the chain gave no answer within {self._deadline_s:g} s")

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, work = job
            try:
                result = work()
            except Exception as error:  # noqa: BLE001  handed on, not swallowed
                future.set_exception(error)
            else:
                future.set_result(result)


def _look_away(late: asyncio.Future[Any]) -> None:
    """Take note of an answer that nobody waits for any more, or asyncio calls it forgotten."""
    if not late.cancelled():
        late.exception()

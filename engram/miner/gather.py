"""Puts that arrive in one turn of the event loop go to the store together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from itertools import chain
from typing import NamedTuple

from engram.errors import EngramError
from engram.miner.landing import Landing, give_up
from engram.storage.interface import NewRecord, Stored, VectorStore

Outcomes = list[Stored | Exception]


class Put(NamedTuple):
    """Records of one request, and who waits for them."""

    records: Sequence[NewRecord]
    waiter: asyncio.Future[Outcomes]


class Gatherer:
    """Makes one submit, one future and one timer of the puts of a turn.

    Under load a group commit answers a dozen connections at once, and their next requests arrive
    at once too: what a submit costs in locks and queues is paid once for all of them.
    """

    def __init__(self, store: VectorStore, deadline_s: float, landing: Landing) -> None:
        self._store = store
        self._deadline_s = deadline_s
        self._landing = landing
        self._waiting: list[Put] = []

    def put(self, records: Sequence[NewRecord]) -> asyncio.Future[Outcomes]:
        """The outcomes in order, once they are on disk; Overloaded after the deadline."""
        waiter: asyncio.Future[Outcomes] = self._landing.loop.create_future()
        if not self._waiting:
            self._landing.loop.call_soon(self._submit)
        self._waiting.append(Put(records, waiter))
        return waiter

    def _submit(self) -> None:
        puts, self._waiting = self._waiting, []
        try:
            future = self._store.submit([*chain.from_iterable(put.records for put in puts)])
        except EngramError as error:
            fail(puts, error)
            return
        timer = self._landing.loop.call_later(self._deadline_s, self._give_up, puts)
        self._landing.when_done(future, partial(share, puts, timer))

    def _give_up(self, puts: Sequence[Put]) -> None:
        for put in puts:
            give_up(put.waiter, self._deadline_s)


def share(puts: Sequence[Put], timer: asyncio.TimerHandle, future: Future[Outcomes]) -> None:
    """Give each request its part of the outcomes."""
    timer.cancel()
    if (error := future.exception()) is not None:
        fail(puts, error)
        return
    outcomes = future.result()
    start = 0
    for records, waiter in puts:
        end = start + len(records)
        if not waiter.done():
            waiter.set_result(outcomes[start:end])
        start = end


def fail(puts: Sequence[Put], error: BaseException) -> None:
    """The same error for all: nothing was stored."""
    for put in puts:
        if not put.waiter.done():
            put.waiter.set_exception(error)

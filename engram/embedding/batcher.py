"""Texts from many callers, embedded together: bounded, queries first, no artificial waiting."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from engram.embedding.interface import MAX_TOKENS, Embedded, Embedder
from engram.embedding.waiting import Waiting, WaitingRoom
from engram.errors import NotReady, Overloaded

P = ParamSpec("P")
T = TypeVar("T")

FIRST_GUESS_S = 0.02  # a text of middle length on one core, until there are measurements
MEMORY = 0.1  # weight of the newest call in the mean time of a text
RETRY_AT_LEAST_S = 0.1  # sooner than this a full queue has hardly moved


@dataclass(frozen=True, slots=True)
class BatcherStats:
    """A moment's queue, and totals since the start."""

    waiting_queries: int
    waiting_ingests: int
    capacity: int
    """Texts that may wait in each of the two lines."""
    running: int
    """Texts that are being embedded now."""
    texts: int
    calls: int
    """Calls of the embedder; ``texts / calls`` is the mean company."""
    refused: int
    waited_s: float
    """Sum over all texts of the seconds between arrival and the start of the call."""
    embedding_s: float
    """Sum over all calls of the seconds that they took."""
    seconds_per_text: float
    """Moving mean of one thread's time for a text."""


class Batcher:
    """Threads that embed what callers submit.

    A free thread takes a text at once, alone if there is a thread for everybody; where threads
    are left over, they may help. Texts that wait together share a call as far as the embedder
    allows. Queries go first, but every ninth call is for ingests if some wait. Everything may be
    called from any thread.
    """

    def __init__(
        self,
        embedder: Embedder,
        threads: int | None = None,
        queue: int = 512,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``threads``: None is one per usable core. ``queue``: texts that may wait in a line."""
        self._embedder = embedder
        self._clock = clock
        self._room = WaitingRoom(
            queue, any_lengths=embedder.any_lengths, call_tokens=embedder.call_tokens
        )
        self._changed = threading.Condition()
        self._closing = False
        self._busy = self._running = self._texts = self._calls = self._refused = 0
        self._waited_s = self._embedding_s = 0.0
        self._seconds_per_text = FIRST_GUESS_S
        self._threads = [
            threading.Thread(target=self._work, name=f"embed-{number}", daemon=True)
            for number in range(threads or usable_cores())
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, text: str, urgent: bool) -> Future[Embedded]:
        """Queue a text; ``urgent`` ones (queries) go first. Cancelling the future gives it up.

        Raises Overloaded, with ``retry_after``, if the line is full, and NotReady after close().
        The future raises what the embedder raised for this text, or NotReady if the batcher
        closed first.
        """
        with self._changed:
            if self._closing:
                raise _stopping()
            line = self._room.line(urgent)
            if len(line) >= self._room.capacity:
                self._refused += 1
                raise self._overloaded(len(line))
            waiting = self._room.add(text, urgent, self._clock())
            self._changed.notify()
        return waiting.future

    def stats(self) -> BatcherStats:
        with self._changed:
            return BatcherStats(
                waiting_queries=len(self._room.queries),
                waiting_ingests=len(self._room.ingests),
                capacity=self._room.capacity,
                running=self._running,
                texts=self._texts,
                calls=self._calls,
                refused=self._refused,
                waited_s=self._waited_s,
                embedding_s=self._embedding_s,
                seconds_per_text=self._seconds_per_text,
            )

    def close(self, *, drain: bool = False) -> None:
        """Refuse new texts, finish what runs, and with ``drain`` also what waits; stop the threads.

        Without ``drain`` the futures of waiting texts raise NotReady. Blocks; twice is once.
        """
        with self._changed:
            self._closing = True
            turned_away = [] if drain else self._room.clear()
            self._changed.notify_all()
        for waiting in turned_away:
            if waiting.future.set_running_or_notify_cancel():
                waiting.future.set_exception(_stopping())
        for thread in self._threads:
            thread.join()

    def _overloaded(self, waiting: int) -> Overloaded:
        seconds = waiting * self._seconds_per_text / len(self._threads)
        return Overloaded(
            f"{waiting} texts wait to be embedded already; try again in a moment.",
            retry_after=max(RETRY_AT_LEAST_S, seconds),
        )

    def _work(self) -> None:
        """A thread's life."""
        while self._wait_for_texts():
            self._count_company()
            group, threads = self._take()
            if group:
                self._embed(group, threads)
                with self._changed:
                    self._busy -= threads

    def _free(self) -> int:
        """Threads that could work on a text now; the one that asks is among them, even if it was
        counted as a helper of another."""
        return max(1, len(self._threads) - self._busy)

    def _wait_for_texts(self) -> bool:
        """False when it is time to stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._room or self._closing)
            return len(self._room) > 0

    def _count_company(self) -> None:
        """Count outside the lock. Another thread may count the same texts: the same numbers."""
        with self._changed:
            uncounted = self._room.uncounted(self._free())
        for waiting in uncounted:
            counted = _attempt(self._embedder.count_tokens, waiting.text)
            # A text that cannot be counted goes alone, and its own call says what is wrong.
            waiting.tokens = 0 if counted.exception() else min(counted.result(), MAX_TOKENS)

    def _take(self) -> tuple[list[Waiting], int]:
        """The next group without those that were given up, and how many threads may work on it.

        It counts as running from here; what nobody else waits for keeps the other threads busy.
        """
        with self._changed:
            free = self._free()
            taken = self._room.take(free)
            group = [w for w in taken if w.future.set_running_or_notify_cancel()]
            threads = max(1, free - len(self._room))
            now = self._clock()
            self._waited_s += sum(now - waiting.arrived for waiting in group)
            self._running += len(group)
            self._busy += threads if group else 0
        return group, threads

    def _embed(self, group: Sequence[Waiting], threads: int) -> None:
        """Resolve every future of the group; where one text fails, the others still succeed."""
        started = self._clock()
        texts = [waiting.text for waiting in group]
        outcome = _attempt(self._embedder.embed, texts, threads)
        error = outcome.exception()
        if error is not None and len(group) > 1:
            for waiting in group:
                self._embed([waiting], threads)
            return
        self._note(len(group), self._clock() - started)
        if error is not None:
            group[0].future.set_exception(error)
            return
        for waiting, embedded in zip(group, outcome.result(), strict=True):
            waiting.future.set_result(embedded)

    def _note(self, texts: int, seconds: float) -> None:
        with self._changed:
            self._running -= texts
            self._texts += texts
            self._calls += 1
            self._embedding_s += seconds
            self._seconds_per_text += MEMORY * (seconds / texts - self._seconds_per_text)


def _attempt(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
    """Call, and keep what it returns or raises for those who wait: the thread must live on."""
    outcome: Future[T] = Future()
    try:
        outcome.set_result(call(*args, **kwargs))
    except BaseException as error:  # noqa: BLE001  even a panic of the runtime belongs to its caller
        outcome.set_exception(error)
    return outcome


def _stopping() -> NotReady:
    return NotReady("The embedder is stopping.")


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

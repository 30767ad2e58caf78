"""Questions under way to several members at once, until a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

from engram.dht import Member
from engram.errors import EngramError
from engram.sdk.network.ask import Asking
from engram.sdk.wire import Call

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """What came of one question."""

    member: Member
    result: T | None
    error: EngramError | None
    """Why there is no result."""
    about: tuple[str, ...]
    """The CIDs that were asked about."""
    at: float
    """When it came, in monotonic seconds."""


How = Callable[[Asking, Member, Call[T], float], Awaitable[T]]


@dataclass(frozen=True, slots=True)
class _Asked:
    member: Member
    began: float


class Fanout(Generic[T]):
    """An async context manager: whatever is still under way at its end is given up.

    ``deadline`` is a moment in the monotonic seconds of ``asking``.
    """

    def __init__(self, asking: Asking, deadline: float, how: How[T] | None = None) -> None:
        """``how`` makes a call in a way of its own, given the seconds that are left for it."""
        self._asking = asking
        self._deadline = deadline
        self._how = how or Asking.result
        self._under_way: dict[asyncio.Task[Reply[T]], _Asked] = {}
        self.given_up: list[Member] = []
        """Members whose answer was still due at the end."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task, asked in self._under_way.items():
            task.cancel()
            self.given_up.append(asked.member)
        if self._under_way:
            await asyncio.wait(self._under_way)
        for asked in self._under_way.values():
            waited = self._asking.monotonic() - asked.began
            if waited >= self._asking.standing.patience(asked.member):
                self._asking.standing.silent(asked.member, waited)
        self._under_way = {}

    @property
    def busy(self) -> bool:
        """True while an answer is due."""
        return bool(self._under_way)

    @property
    def over(self) -> bool:
        """True once the deadline has passed."""
        return self._asking.monotonic() >= self._deadline

    @property
    def late(self) -> set[int]:
        """UIDs of those that take longer than they do in 19 of 20 cases."""
        now = self._asking.monotonic()
        return {one.member.uid for one in self._under_way.values() if self._late_at(one) <= now}

    @property
    def due(self) -> set[int]:
        """UIDs of those whose answer may be expected yet."""
        return {one.member.uid for one in self._under_way.values()} - self.late

    def put(self, member: Member, call: Call[T], about: tuple[str, ...] = ()) -> None:
        """Ask; the answer comes by ``step``."""
        task = asyncio.create_task(self._one(member, call, about))
        self._under_way[task] = _Asked(member, self._asking.monotonic())

    async def step(self) -> list[Reply[T]]:
        """Wait for an answer, for somebody to be late, or for the deadline."""
        done, _ = await asyncio.wait(
            self._under_way, timeout=self._until(), return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            del self._under_way[task]
        return [task.result() for task in done]

    def _until(self) -> float:
        """Seconds until something happens besides an answer."""
        now = self._asking.monotonic()
        moments = [self._late_at(one) for one in self._under_way.values()]
        next_late = min((moment for moment in moments if moment > now), default=self._deadline)
        return max(0.0, min(next_late, self._deadline) - now)

    def _late_at(self, asked: _Asked) -> float:
        return asked.began + self._asking.standing.patience(asked.member)

    async def _one(self, member: Member, call: Call[T], about: tuple[str, ...]) -> Reply[T]:
        left = max(0.0, self._deadline - self._asking.monotonic())
        result, trouble = None, None
        try:
            result = await self._how(self._asking, member, call, left)
        except EngramError as error:
            trouble = error
        return Reply(member, result, trouble, about, self._asking.monotonic())

"""The texts that wait for a thread, and who is next. Not thread-safe: the batcher holds a lock."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice

from engram.embedding.grouping import about_tokens
from engram.embedding.interface import MAX_TOKENS, Embedded

LOOK_AHEAD = 32  # texts among which the next one finds company; counting more delays it
URGENT_RUN = 8  # calls for queries in a row while ingests wait; then one for ingests


@dataclass(eq=False, slots=True)
class Waiting:
    """One text and the future of its embedding."""

    text: str
    arrived: float
    """Seconds, by the batcher's clock."""
    tokens: int | None = None
    """Word pieces that the model will read, or about as many where lengths need not be equal;
    None until counted, 0 if it could not be counted."""
    future: Future[Embedded] = field(default_factory=Future)


class WaitingRoom:
    """Two lines, queries and ingests, each bounded by ``capacity`` texts.

    ``any_lengths`` and ``call_tokens`` are the Embedder's; but no call is longer than one full
    text, so that a query never waits longer than that takes.
    """

    def __init__(
        self, capacity: int, *, any_lengths: bool = False, call_tokens: int = MAX_TOKENS
    ) -> None:
        self.capacity = capacity
        self.any_lengths = any_lengths
        self.call_tokens = min(MAX_TOKENS, call_tokens)
        self.queries: deque[Waiting] = deque()
        self.ingests: deque[Waiting] = deque()
        self._urgent_run = 0

    def __len__(self) -> int:
        return len(self.queries) + len(self.ingests)

    def line(self, urgent: bool) -> deque[Waiting]:
        return self.queries if urgent else self.ingests

    def add(self, text: str, urgent: bool, arrived: float) -> Waiting:
        """Put a text at the end of its line."""
        waiting = Waiting(text, arrived, about_tokens(text) if self.any_lengths else None)
        self.line(urgent).append(waiting)
        return waiting

    def uncounted(self, free: int) -> list[Waiting]:
        """Texts whose length decides who shares the next call; none if there is no choice.

        ``free``: threads that could take a text now, at least 1.
        """
        line = self._next_line()
        if len(line) == 1 or self._share(free) == 1:
            return []
        return [waiting for waiting in islice(line, LOOK_AHEAD) if waiting.tokens is None]

    def take(self, free: int) -> list[Waiting]:
        """The next text with others that may share its call, oldest first; empty if nobody waits.

        No more than leaves a text for each of the other ``free`` threads.
        """
        line = self._next_line()
        if not line:
            return []
        passed_over = line is self.queries and bool(self.ingests)
        self._urgent_run = self._urgent_run + 1 if passed_over else 0
        most = self._share(free)
        ahead = [line.popleft() for _ in range(min(LOOK_AHEAD, len(line)))]
        group = list(islice(self._company(ahead), most))
        taken = set(map(id, group))
        line.extendleft(waiting for waiting in reversed(ahead) if id(waiting) not in taken)
        return group

    def clear(self) -> list[Waiting]:
        """Send everybody away."""
        everybody = [*self.queries, *self.ingests]
        self.queries.clear()
        self.ingests.clear()
        return everybody

    def _share(self, free: int) -> int:
        return -(-len(self) // free)

    def _next_line(self) -> deque[Waiting]:
        if not self.ingests or (self.queries and self._urgent_run < URGENT_RUN):
            return self.queries
        return self.ingests

    def _company(self, ahead: list[Waiting]) -> Iterator[Waiting]:
        first = ahead[0]
        yield first
        left = self.call_tokens - first.tokens if first.tokens else 0
        for waiting in ahead[1:]:
            if waiting.tokens and waiting.tokens <= left and self._may_share(first, waiting):
                left -= waiting.tokens
                yield waiting

    def _may_share(self, one: Waiting, other: Waiting) -> bool:
        return self.any_lengths or one.tokens == other.tokens

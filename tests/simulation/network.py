"""The network between simulated processes: delays, losses, repetitions and partitions."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from random import Random

from tests.simulation.life import Life
from tests.simulation.trace import Trace


@dataclass(frozen=True, slots=True)
class Request:
    """As much of an HTTP request as handlers look at."""

    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """As much of an HTTP reply as callers look at."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Silence(Enum):
    """Why there is no reply."""

    REFUSED = "nobody listens there"
    BROKEN = "the connection broke off"
    UNANSWERED = "nobody answered the call"
    LATE = "no whole reply in time"


Handler = Callable[[Request], Awaitable[Reply]]


@dataclass
class Weather:
    """How the network is, for the moment."""

    delay_s: float = 0.01
    """One way; each message takes between half of it and twice as much."""
    loss: float = 0.0
    """Share of messages that never arrive."""
    repeated: float = 0.0
    """Share of requests that arrive twice."""
    slow: dict[str, float] = field(default_factory=dict)
    """Seconds more, each way, by the name of a process."""
    parts: dict[str, int] = field(default_factory=dict)
    """In which part of a divided network a process is; 0 unless it is named."""

    def divides(self, one: str, other: str) -> bool:
        """True if nothing gets from one to the other."""
        return self.parts.get(one, 0) != self.parts.get(other, 0)


@dataclass(slots=True)
class Asking:
    """One request on its way, and who waits for the reply."""

    source: str
    target: str
    request: Request
    waiter: asyncio.Future[Reply | Silence]
    arrived: bool = False

    def settle(self, found: Reply | Silence) -> None:
        if not self.waiter.done():
            self.waiter.set_result(found)

    def late(self) -> None:
        self.settle(Silence.LATE if self.arrived else Silence.UNANSWERED)


class Network:
    """Carries requests to whoever listens, and what they answer back."""

    def __init__(self, random: Random, trace: Trace) -> None:
        self.weather = Weather()
        self.sent: Counter[tuple[str, str, str]] = Counter()
        """Requests by source, target and kind (the path up to its second slash)."""
        self._random = random
        self._trace = trace
        self._names: dict[str, str] = {}
        self._listening: dict[str, tuple[Life, Handler]] = {}

    def name(self, url: str, name: str) -> None:
        """Who is meant by the URL, whether it listens or not."""
        self._names[url] = name

    def listen(self, name: str, life: Life, handler: Handler) -> None:
        """Requests reach this process from now on, until it ends."""
        self._listening[name] = life, handler
        life.at_end(lambda: self._listening.pop(name, None))

    async def ask(
        self, source: str, url: str, request: Request, timeout_s: float
    ) -> Reply | Silence:
        """The reply, or why there is none within ``timeout_s``."""
        loop = asyncio.get_running_loop()
        asking = Asking(source, self._names.get(url, url), request, loop.create_future())
        self.sent[source, asking.target, kind_of(request.path)] += 1
        timer = loop.call_later(timeout_s, asking.late)
        for _ in range(1 + (self._random.random() < self.weather.repeated)):
            self._travel(source, asking.target, self._arrive, asking)
        try:
            found = await asking.waiter
        finally:
            timer.cancel()
        said = found.status if isinstance(found, Reply) else found.name
        self._trace.note(
            f"{source} > {asking.target} {request.method} {request.path[:24]} "
            f"{len(request.body)} {said}"
        )
        return found

    def _travel(self, source: str, target: str, call: Callable[..., None], *args: object) -> None:
        """Call it when the message has come through, if it does."""
        weather, random = self.weather, self._random
        wait = weather.delay_s * random.uniform(0.5, 2)
        lost = random.random() < weather.loss
        if lost or weather.divides(source, target):
            return
        wait += weather.slow.get(source, 0.0) + weather.slow.get(target, 0.0)
        asyncio.get_running_loop().call_later(wait, call, *args)

    def _arrive(self, asking: Asking) -> None:
        listening = self._listening.get(asking.target)
        if listening is None:
            self._travel(asking.target, asking.source, asking.settle, Silence.REFUSED)
            return
        life, handler = listening
        life.run(
            self._repeat(asking, handler) if asking.arrived else self._handle(asking, life, handler)
        )
        asking.arrived = True

    async def _repeat(self, asking: Asking, handler: Handler) -> None:
        """What is said to a repetition reaches nobody: the reply is to the first."""
        await handler(asking.request)

    async def _handle(self, asking: Asking, life: Life, handler: Handler) -> None:
        """In the process that was asked."""

        def broken() -> None:
            asking.settle(Silence.BROKEN)

        life.at_end(broken)
        try:
            reply = await handler(asking.request)
        finally:
            if life.alive:
                life.not_at_end(broken)
        self._travel(asking.target, asking.source, asking.settle, reply)

    def divide(self, part: Iterable[str], number: int = 1) -> None:
        """From now on these only reach each other."""
        self.weather.parts |= dict.fromkeys(part, number)

    def join(self) -> None:
        """Everybody reaches everybody again."""
        self.weather.parts.clear()


def kind_of(path: str) -> str:
    """``/retrieve/v1::…`` is a ``/retrieve``."""
    return "/" + path.split("/")[1]

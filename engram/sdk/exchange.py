"""Conversations with a node as generators: what to send, how long to wait, what came of it.

A shell (client.py, async_client.py) only does what a step says, so retries, batches and errors
are written once for both.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from engram import errors
from engram.errors import EngramError, InvalidInput, ServerError, ServerUnreachable
from engram.sdk import items, wire
from engram.sdk.items import Draft, Item
from engram.sdk.own_embedder import OwnEmbedder
from engram.sdk.results import Failed, Outcome

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Send:
    """Send this; answer with an Answer."""

    method: str
    path: str
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait this many seconds; answer with None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    content: bytes
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """Do this where it may block for long; answer with its result."""

    do: Callable[[], Any]


Step = Send | Pause | Work
Flow = Generator[Step, Any, T]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to ask again: on 429 and 503 only, for those say that nothing was done."""

    attempts: int = 5
    first_wait_s: float = 0.2  # doubles; five attempts spread over about three seconds
    longest_wait_s: float = 30.0  # a node that asks for more is reported, not waited for
    chance: Callable[[], float] = random.random

    def wait(self, attempt: int, error: EngramError) -> float | None:
        """Seconds to wait after the given attempt (from 1), or None to give up."""
        if attempt >= self.attempts or not _worth_repeating(error.status, error.code):
            return None
        asked = error.retry_after or 0.0
        if asked > self.longest_wait_s:
            return None
        return float(asked + self.first_wait_s * 2 ** (attempt - 1) * (0.5 + self.chance()))


@dataclass(frozen=True, slots=True)
class Exchange:
    """Turns calls into flows."""

    policy: RetryPolicy
    own: OwnEmbedder

    def body(self, call: wire.Call[Any]) -> Flow[Any]:
        """The reply's JSON. Raises what the server said, or CidMismatch."""
        if call.prepare is not None:
            call = yield Work(partial(call.prepare, self.own))
        attempt = 1
        while True:
            answer: Answer = yield Send(call.method, call.path, call.content)
            if answer.status < 400:
                return wire.settled(call, wire.decode(answer.content))
            error = error_from(answer)
            seconds = self.policy.wait(attempt, error)
            if seconds is None:
                raise error
            yield Pause(seconds)
            attempt += 1

    def result(self, call: wire.Call[T]) -> Flow[T]:
        """The reply as a result."""
        return wire.parsed(call, (yield from self.body(call)))

    def ingest_many(self, given: Iterable[Item]) -> Flow[list[Outcome]]:
        """One outcome per item, in order. An item that cannot be sent has failed."""
        outcomes: list[Outcome] = []
        for chunk in items.chunks(given):
            drafts = yield Work(partial(items.drafts, chunk, self.own))
            outcomes += yield from self.ingest_drafts(drafts)
        return outcomes

    def ingest_drafts(self, drafts: Sequence[Draft | InvalidInput]) -> Flow[list[Outcome]]:
        """One outcome per draft, in order."""
        found: dict[int, Outcome] = {}
        ready: dict[int, Draft] = {}
        for at, one in enumerate(drafts):
            if isinstance(one, Draft):
                ready[at] = one
            else:
                found[at] = Failed(one.message, one.code)
        for group in items.grouped((at, len(draft.content)) for at, draft in ready.items()):
            outcomes = yield from self._ingest_batch([ready[at] for at in group])
            found |= zip(group, outcomes, strict=True)
        return [found[at] for at in range(len(drafts))]

    def _ingest_batch(self, group: Sequence[Draft]) -> Flow[list[Outcome]]:
        """One batch; items that a full queue turned away are sent again by themselves."""
        outcomes = yield from self.result(wire.ingest_batch(group))
        attempt = 1
        while again := [at for at, one in enumerate(outcomes) if _turned_away(one)]:
            refusal = outcomes[again[0]]
            assert isinstance(refusal, Failed)
            seconds = self.policy.wait(attempt, _named(refusal.code, refusal.error))
            if seconds is None:
                return outcomes
            yield Pause(seconds)
            repeated = yield from self.result(wire.ingest_batch([group[at] for at in again]))
            for at, outcome in zip(again, repeated, strict=True):
                outcomes[at] = outcome
            attempt += 1
        return outcomes


def error_from(answer: Answer) -> EngramError:
    """The error that a reply with a status of 400 or more stands for."""
    try:
        body = wire.decode(answer.content)
        sentence, code = str(body["error"]), str(body["code"])
    except (ServerError, KeyError, TypeError):
        return wire.unreadable(f"it answered with status {answer.status}", answer.status)
    details = wire.details_of(body)
    error = _named(code, sentence, seconds_from(answer.retry_after), details)
    if error.status == answer.status:
        return error
    return ServerError(
        sentence,
        code=code,
        status=answer.status,
        retry_after=error.retry_after,
        details=details,
    )


def seconds_from(header: str | None) -> float | None:
    """Retry-After in seconds, as nodes send it; None for the date form, which then means nothing
    more than our own back-off."""
    try:
        return None if header is None else max(0.0, float(header))
    except ValueError:
        return None


def error_for_item(failed: Failed, position: int) -> EngramError:
    """The error for one item of a batch, naming its position (from 0)."""
    return _named(failed.code, f"item {position}: {failed.error}", details=failed.details)


def unreachable(url: str, reason: str) -> ServerUnreachable:
    """The error for a node that gave no answer."""
    return ServerUnreachable(
        f"No answer from {url} ({reason}). Start a node with `engram miner`, or name another: "
        "--url, ENGRAM_URL, or url= in Python."
    )


def checked_url(url: str) -> str:
    """The URL without its last slash. Raises InvalidInput if it is no http URL."""
    if not url.startswith(("http://", "https://")):
        raise InvalidInput(f"{url!r} is not the URL of a node; one looks like {EXAMPLE_URL}")
    return url.rstrip("/")


EXAMPLE_URL = "http://127.0.0.1:8091"
# Also 503, but seconds neither empty a disk nor teach a node another arithmetic; and a record that
# has come to too few holders in time is stored, so that there is nothing to send again.
LASTING = (errors.StorageFull.code, errors.InexactEmbedder.code, errors.TooFewReplicas.code)


def _worth_repeating(status: int, code: str) -> bool:
    return status in (429, 503) and code not in LASTING


def _turned_away(outcome: Outcome) -> bool:
    if not isinstance(outcome, Failed):
        return False
    return _worth_repeating(_named(outcome.code, outcome.error).status, outcome.code)


def _named(
    code: str,
    sentence: str,
    retry_after: float | None = None,
    details: Mapping[str, Any] | None = None,
) -> EngramError:
    """The class that carries the code, if it says something about the request, else ServerError.

    A 500 stays a ServerError: the server's store or model is not the caller's.
    """
    kind = _KINDS.get(code)
    if kind is None:
        return ServerError(
            sentence, code=code, status=500, retry_after=retry_after, details=details
        )
    return kind(sentence, retry_after=retry_after, details=details)


def _kinds(root: type[EngramError]) -> dict[str, type[EngramError]]:
    found: dict[str, type[EngramError]] = {}
    for kind in root.__subclasses__():
        found |= {kind.code: kind} | _kinds(kind)
    return found


_KINDS = {
    code: kind
    for code, kind in _kinds(EngramError).items()
    if kind.status < 500 or kind.status == 503
}

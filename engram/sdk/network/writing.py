"""Storing: at a holder of the record where its CID is known here, so that it travels least."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from engram.dht import Member
from engram.errors import (
    CidMismatch,
    InvalidInput,
    RefusedHere,
    ServerError,
    ServerUnreachable,
    Throttled,
    TooFewReplicas,
    Unavailable,
)
from engram.sdk import items, wire
from engram.sdk.exchange import Exchange, Flow, Pause, Send, error_for_item
from engram.sdk.items import Draft, Item
from engram.sdk.network.ask import Asking
from engram.sdk.network.view import View
from engram.sdk.results import Failed, Ingested, Outcome

T = TypeVar("T")
AT_ONCE = 8  # batches under way
FURTHER = 3
"""Members beside the holders that are tried: each takes any record and hands it on."""

ELSEWHERE = (ServerUnreachable, ServerError, Unavailable, Throttled, CidMismatch, RefusedHere)
"""What another member may do better. Not TooFewReplicas, though it is Unavailable: the record is
stored, and the others get it from there."""


@dataclass(frozen=True, slots=True)
class Writing:
    """``timeout_s`` is for each request; retries on 429 and 503 are those of ``exchange``."""

    asking: Asking
    view: View
    exchange: Exchange
    timeout_s: float
    chance: random.Random

    async def add(self, item: Item, min_replicas: int | None) -> Ingested:
        """Store one. Raises what the last member said that was tried."""
        body = item if min_replicas is None else {**items.as_object(item), **_least(min_replicas)}
        [draft] = await asyncio.to_thread(items.drafts, [body], self.exchange.own)
        if isinstance(draft, InvalidInput):
            raise draft
        call = wire.Call(
            "POST", "/IngestSynapse", draft.content, wire.read_ingested, settle=draft.settle
        )
        *others, last = self._places(draft.cid)
        for member in others:
            try:
                return await self._run(member, self.exchange.result(call))
            except ELSEWHERE as error:
                if isinstance(error, TooFewReplicas):
                    raise
        return await self._run(last, self.exchange.result(call))

    async def add_many(self, given: Iterable[Item]) -> list[Outcome]:
        """One outcome for each, in order; what one member cannot take another one gets."""
        outcomes: list[Outcome] = []
        for chunk in items.chunks(given):
            drafts = await asyncio.to_thread(items.drafts, chunk, self.exchange.own)
            outcomes += await self._store(drafts)
        return outcomes

    async def _store(self, drafts: Sequence[Draft | InvalidInput]) -> list[Outcome]:
        found: dict[int, Outcome] = {}
        places: dict[int, list[Member]] = {}
        for at, draft in enumerate(drafts):
            if isinstance(draft, InvalidInput):
                found[at] = Failed(draft.message, draft.code)
            else:
                places[at] = self._places(draft.cid)
        while places:
            for at, outcome in (await self._round(drafts, places)).items():
                if isinstance(outcome, Failed) and _elsewhere(outcome) and len(places[at]) > 1:
                    del places[at][0]
                else:
                    found[at] = outcome
                    del places[at]
        return [found[at] for at in range(len(drafts))]

    async def _round(
        self, drafts: Sequence[Draft | InvalidInput], places: dict[int, list[Member]]
    ) -> dict[int, Outcome]:
        """Each item to the first member in its list, in as few requests as it takes."""
        by_member: dict[Member, list[int]] = {}
        for at, members in places.items():
            by_member.setdefault(members[0], []).append(at)
        gate = asyncio.Semaphore(AT_ONCE)
        batches = [
            self._batch(gate, member, {at: _draft(drafts[at]) for at in positions})
            for member, positions in by_member.items()
        ]
        outcomes: dict[int, Outcome] = {}
        for made in await asyncio.gather(*batches):
            outcomes |= made
        return outcomes

    async def _batch(
        self, gate: asyncio.Semaphore, member: Member, batch: dict[int, Draft]
    ) -> dict[int, Outcome]:
        async with gate:
            try:
                made = await self._run(member, self.exchange.ingest_drafts([*batch.values()]))
            except ELSEWHERE as error:
                made = [Failed(error.message, error.code)] * len(batch)
        return dict(zip(batch, made, strict=True))

    def _places(self, cid: str | None) -> list[Member]:
        """Who is tried, in this order: the holders, then some others."""
        members = list(self.view.members)
        self.chance.shuffle(members)
        holders = () if cid is None else self.view.holders(cid)
        others = [member for member in members if member not in holders]
        ordered = [*holders, *others[:FURTHER]]
        return sorted(ordered, key=self.asking.standing.avoided)

    async def _run(self, member: Member, flow: Flow[T]) -> T:
        """Do what a flow says, at this member."""
        answer: Any = None
        while True:
            try:
                step = flow.send(answer)
            except StopIteration as done:
                result: T = done.value
                return result
            except CidMismatch as error:
                self.asking.standing.lied(member, error.message)
                raise
            if isinstance(step, Send):
                answer = await self.asking.answer(
                    member, step.method, step.path, step.content, self.timeout_s
                )
            elif isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
                answer = None
            else:
                answer = await asyncio.to_thread(step.do)


def _elsewhere(failed: Failed) -> bool:
    error = error_for_item(failed, 0)
    return isinstance(error, ELSEWHERE) and not isinstance(error, TooFewReplicas)


def _draft(draft: Draft | InvalidInput) -> Draft:
    assert isinstance(draft, Draft)
    return draft


def _least(min_replicas: int) -> dict[str, int]:
    return {"min_replicas": min_replicas}

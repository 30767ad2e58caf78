"""Hands the validator's own records to members, as a user's client does, and reads what they say.

A record is *posted* once, to any member: those that placement names get it from there, and their
receipts come back with the reply. A named member of which none came is *offered* the bytes.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace

from engram.core.embedding import from_bytes
from engram.protocol import IngestReply
from engram.validator.ask import Asked, Asker
from engram.validator.receipts import Genuine, Receipts
from engram.validator.roster import Assignments, Miner
from engram.validator.state import State, offers, pool, posts, replicas
from engram.validator.state.offers import Answered, Offer, OfferState
from engram.validator.state.replicas import Finding, Proof
from engram.validator.verdict import Failure, Verdict

ATTEMPTS = 3  # answers that are no refusal, such as 503 loading, before the offer has failed
BACK_OFF_S = 30.0
REFUSALS = {"refused_here", "storage_full"}  # an obligation that failed, not a bad moment

Outcome = Asked[IngestReply] | Failure


@dataclass(frozen=True, slots=True)
class Handed:
    """A record that was handed to a member, and what came back."""

    record: int
    miner: Miner
    offer: Offer | None
    """None if it was posted."""
    outcome: Outcome
    receipts: list[Genuine]
    """Of whoever signed for it."""

    @property
    def taken(self) -> bool:
        return not isinstance(self.outcome, Failure)


class Hands:
    """Asks, one record at a time."""

    def __init__(self, state: State, asker: Asker, receipts: Receipts) -> None:
        self._state = state
        self._asker = asker
        self._receipts = receipts

    async def hand(self, miner: Miner, record: int, offer: Offer | None = None) -> Handed:
        """Post a record, or make an offer."""
        embedding, metadata = await asyncio.to_thread(self._post_of, record)
        outcome: Outcome = await self._asker.ingest(miner.url, from_bytes(embedding), metadata)
        if isinstance(outcome, Failure):
            return Handed(record, miner, offer, outcome, [])
        cid = await asyncio.to_thread(self._cid_of, record)
        reply = outcome.message
        if reply.cid != cid:
            wrong = Failure(Verdict.INVALID, "It named another CID than the record has.")
            return Handed(record, miner, offer, wrong, [])
        given = reply.replicas.receipts if reply.replicas else []
        genuine = await asyncio.to_thread(self._receipts.of_record, cid, metadata, given)
        return Handed(record, miner, offer, outcome, genuine)

    def _post_of(self, record: int) -> tuple[bytes, dict[str, object]]:
        with self._state.read() as connection:
            return pool.post_of(connection, record)

    def _cid_of(self, record: int) -> str:
        with self._state.read() as connection:
            [known] = pool.records_by_id(connection, [record])
        return known.cid


def note(
    tx: sqlite3.Connection,
    handed: Iterable[Handed],
    assignments: Assignments,
    placement: int,
    now: float,
) -> list[Answered]:
    """Write down what came back; the offers that were answered by it."""
    answered: list[Answered] = []
    for one in handed:
        named = assignments.records.get(one.record, frozenset())
        if one.offer is None:
            _note_post(tx, one, placement, now)
        if one.miner.id in named:
            answered += come_of(one, placement, now)
        answered += [signed(one, g) for g in one.receipts if g.miner.id in named]
        for genuine in one.receipts:
            found = Finding(one.record, genuine.miner.id, True, Proof.RECEIPT, now)
            replicas.note(tx, found)
    offers.note(tx, answered)
    return answered


def _note_post(tx: sqlite3.Connection, one: Handed, placement: int, now: float) -> None:
    if isinstance(one.outcome, Failure):
        posts.put_off(tx, [(one.record, now + wait_of(one.outcome))])
    else:
        posts.taken(tx, [one.record], placement)


def wait_of(failure: Failure) -> float:
    """Seconds until a post is tried again, with another member most likely."""
    if failure.verdict is Verdict.UNREACHABLE or failure.code in REFUSALS:
        return 0.0
    return BACK_OFF_S if failure.retry_after is None else failure.retry_after


def come_of(one: Handed, placement: int, now: float) -> list[Answered]:
    """What a named member's own answer amounts to. A post obliges it as much as an offer does.

    Moments that are bad for a post say nothing: it is offered the record later.
    """
    if one.offer is not None:
        return [come_to(one.offer, one.outcome, placement, now)]
    if isinstance(one.outcome, Failure) and one.outcome.code not in REFUSALS:
        return []
    return [come_to(Offer(one.miner.id, one.record), one.outcome, placement, now)]


def signed(one: Handed, genuine: Genuine) -> Answered:
    """A named member that signed for the record is obliged to it."""
    offer = one.offer if one.offer and one.offer.miner == genuine.miner.id else None
    return Answered(
        offer or Offer(genuine.miner.id, one.record),
        OfferState.HELD,
        placement=genuine.placement,
        signed=True,
    )


def come_to(offer: Offer, outcome: Outcome, placement: int | None, now: float) -> Answered:
    """What an offer has come to after an answer.

    Refused for good, throttled twice, or answered three times with something else: a failed
    obligation. Anything before that is tried again.
    """
    tried = replace(offer, attempts=offer.attempts + 1)
    if not isinstance(outcome, Failure):
        return Answered(tried, OfferState.HELD, placement=placement)
    if outcome.code == "throttled":
        tried = replace(tried, throttled=offer.throttled + 1)
    given_up = outcome.code in REFUSALS or tried.throttled > 1 or tried.attempts >= ATTEMPTS
    if given_up:
        return Answered(tried, OfferState.REFUSED, placement=placement, detail=outcome.detail)
    wait = BACK_OFF_S if outcome.retry_after is None else outcome.retry_after
    return Answered(tried, OfferState.DUE, next_at=now + wait, detail=outcome.detail)

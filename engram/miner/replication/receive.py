"""Copies from other members: checked, put on disk, acknowledged, and never forwarded again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import structlog

from engram.core import verify_cids
from engram.core.receipt import record_size
from engram.dht import Member, Membership, RoutingTable
from engram.errors import EngramError, InvalidCid, NotAssigned
from engram.miner.replication.agreed import agreed
from engram.miner.replication.frame import Copy, Frame, Spoiled
from engram.miner.replication.holders import digests_of
from engram.miner.replication.interface import Shelf
from engram.miner.replication.receipts import Receipts
from engram.miner.replication.side_texts import Embed, SideTexts
from engram.protocol import ReplicaAck, ReplicaError, ReplicaReply, SignedReceipt
from engram.storage.interface import NewRecord, Stored

log = structlog.get_logger("engram.replication")


@dataclass(frozen=True, slots=True)
class Genuine:
    """A copy whose bytes hash to its CID, and that is this node's to hold."""

    copy: Copy
    size: int
    """Record bytes."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The same, with what is kept beside it."""

    record: NewRecord
    size: int


Judged: TypeAlias = Genuine | EngramError
Outcome: TypeAlias = ReplicaAck | ReplicaError


class Receiver:
    """Takes what members send.

    ``side_texts`` embeds a text with the exact embedder, or answers None where there is none.
    """

    def __init__(
        self, table: RoutingTable, shelf: Shelf, receipts: Receipts, side_texts: Embed
    ) -> None:
        self._table = table
        self._shelf = shelf
        self._receipts = receipts
        self._side_texts = SideTexts(shelf, side_texts)

    async def take(self, sender: Member, frame: Frame) -> ReplicaReply:
        """Store what is right and answer for each record; receipts are for what is on disk.

        Raises StaleMembership, and StorageFull, Overloaded or NotReady for all records together;
        then nothing was stored.
        """
        membership = agreed(self._table, frame.placement)
        judged = await asyncio.to_thread(judge, membership, self._table.hotkey, frame)
        self._tell_of_lies(sender, judged)
        ready = await asyncio.gather(*map(self._ready, judged))
        outcomes = await self._put(ready, frame.placement)
        return ReplicaReply(
            placement=frame.placement,
            outcomes=[
                outcome if isinstance(outcome, ReplicaAck) else refusal(carried.cid, outcome)
                for carried, outcome in zip(frame.records, outcomes, strict=True)
            ],
        )

    def _tell_of_lies(self, sender: Member, judged: Sequence[Judged]) -> None:
        wrong = sum(isinstance(each, InvalidCid) for each in judged)
        if wrong:
            log.warning("copies are not what their CIDs say", hotkey=sender.hotkey, records=wrong)

    async def _ready(self, judged: Judged) -> Ready | EngramError:
        """The record to put, once its side text is looked at."""
        if isinstance(judged, EngramError):
            return judged
        copy = judged.copy
        try:
            text, verified = await self._side_texts.of(copy)
        except EngramError as error:
            return error
        record = NewRecord(
            copy.cid, copy.embedding, copy.metadata, text, copy.model_version, verified
        )
        return Ready(record, judged.size)

    async def _put(
        self, ready: Sequence[Ready | EngramError], placement: int
    ) -> list[ReplicaAck | EngramError]:
        """One outcome for each, in order; all records go to the disk together."""
        sound = [each for each in ready if isinstance(each, Ready)]
        stored = await self._shelf.put([each.record for each in sound]) if sound else []
        kept = [
            (each.record.cid, each.size)
            for each, fate in zip(sound, stored, strict=True)
            if isinstance(fate, Stored)
        ]
        receipts = iter(await self._receipts.sign(kept, placement))
        fates = iter([acknowledged(fate, receipts) for fate in stored])
        return [next(fates) if isinstance(each, Ready) else each for each in ready]


def acknowledged(
    fate: Stored | Exception, receipts: Iterator[SignedReceipt]
) -> ReplicaAck | EngramError:
    """What a put came to, with the next receipt if the record is on disk."""
    if isinstance(fate, Stored):
        return ReplicaAck(cid=fate.cid, duplicate=fate.duplicate, receipt=next(receipts))
    if isinstance(fate, EngramError):
        return fate
    raise fate


def refusal(cid: str, error: EngramError) -> ReplicaError:
    return ReplicaError(cid=cid, error=error.message, code=error.code)


def judge(membership: Membership, hotkey: str | None, frame: Frame) -> list[Judged]:
    """Which records may be put, and why not the others. Hashes all of them, so not on the loop."""
    due = due_here(membership, hotkey, frame)
    genuine = iter(are_genuine([each for each in frame.records if isinstance(each, Copy)]))
    return [
        each.error if isinstance(each, Spoiled) else judged(each, here, next(genuine))
        for each, here in zip(frame.records, due, strict=True)
    ]


def due_here(membership: Membership, hotkey: str | None, frame: Frame) -> list[bool]:
    """Whether this node is to hold each record, by the sender's placement and absent members."""
    local = membership.by_hotkey(hotkey)
    if local is None or not frame.records:
        return [False] * len(frame.records)
    digests = digests_of([each.cid for each in frame.records])
    holders = membership.holders_many(digests, frame.absent)
    due: list[bool] = (holders == local.uid).any(axis=1).tolist()
    return due


def are_genuine(copies: Sequence[Copy]) -> list[bool]:
    """Whether each copy's bytes hash to the CID that it came under."""
    if not copies:
        return []
    embeddings = np.stack([copy.embedding for copy in copies])
    return verify_cids(
        [copy.cid for copy in copies], embeddings, [copy.metadata for copy in copies]
    )


def judged(copy: Copy, is_due: bool, is_genuine: bool) -> Judged:
    """A lie is named even where the record would not be this node's to hold."""
    if not is_genuine:
        return InvalidCid(f"These bytes do not hash to {copy.cid}.")
    if not is_due:
        return NotAssigned(f"By that placement this node is no holder of {copy.cid}.")
    return Genuine(copy, record_size(copy.metadata, copy.model_version))

"""Spot probes: a search near a user's record must find it, or confirmed results that are as near.

Anybody can mint records around a query that he has just read. So what stands in for the record
must be there, be as near as is said, and be older than the question at a second holder.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from engram.core import verify_cid
from engram.core.embedding import Embedding, from_base64, normalise
from engram.errors import InvalidInput
from engram.protocol import QueryHit, RecordReply
from engram.validator.ask import Asked, Asker
from engram.validator.clock import Clock
from engram.validator.ground_truth import SAME_SCORE, Probe
from engram.validator.roster import Miner, Roster
from engram.validator.verdict import Failure

MARGIN_MS = 1_000  # a copy must be older than the question by this much


@dataclass(frozen=True, slots=True)
class Spots:
    """Judges what miners answer to spot probes."""

    asker: Asker
    roster: Roster
    clock: Clock
    random: Random

    async def finds(
        self, miner: Miner, probe: Probe, results: Sequence[QueryHit], k: int, asked_at: float
    ) -> bool:
        """True if the record is among the results, or ``k`` records that are there and as near.

        Those are fetched and their CIDs and scores computed, and another holder of each must have
        had it before ``asked_at`` (monotonic); a claim alone displaces nobody.
        """
        if any(hit.cid == probe.record.cid for hit in results):
            return True
        target = cosine(probe.record.vector, probe.query)
        if len(results) < k or any(hit.score < target - SAME_SCORE for hit in results):
            return False
        for hit in results:
            record = await self.asker.retrieve(miner.url, hit.cid)
            if not isinstance(record, Asked) or not as_near(record.message, hit.cid, probe, target):
                return False
        return await self._confirmed(miner, [hit.cid for hit in results], asked_at)

    async def _confirmed(self, miner: Miner, cids: list[str], asked_at: float) -> bool:
        """True if a second holder of each had it before the question was asked."""
        holders = await asyncio.to_thread(self.roster.assigned_to, cids)
        by_id = {one.id: one for one in self.roster.miners}
        chosen: dict[int, list[str]] = {}
        for cid, ids in zip(cids, holders, strict=True):
            others = sorted(ids - {miner.id})
            if not others:
                return False
            chosen.setdefault(self.random.choice(others), []).append(cid)
        for other, mine in chosen.items():
            if not await self._held_before(by_id[other], mine, asked_at):
                return False
        return True

    async def _held_before(self, other: Miner, cids: list[str], asked_at: float) -> bool:
        said = await self.asker.has(other.url, cids)
        if isinstance(said, Failure):
            return False
        since_ms = (self.clock.monotonic() - asked_at) * 1000 + MARGIN_MS
        return all(said.message.held.get(cid, -1) >= since_ms for cid in cids)


def as_near(record: RecordReply, cid: str, probe: Probe, target: float) -> bool:
    """True if these bytes are the CID's and lie as near to the query as the record sought."""
    try:
        vector = from_base64(record.embedding_b64)
        genuine = verify_cid(cid, vector, record.metadata, record.model_version)
    except InvalidInput:
        return False
    return genuine and cosine(vector, probe.query) >= target - SAME_SCORE


def cosine(left: Embedding, right: Embedding) -> float:
    """-1..1."""
    return float(np.dot(normalise(left).astype(np.float64), normalise(right).astype(np.float64)))

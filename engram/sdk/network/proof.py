"""Records against what was said of them: fetched from their holders and computed again here."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engram.core.where import Where, matches
from engram.dht import Member
from engram.errors import CidMismatch, EngramError, NotFound
from engram.sdk import wire
from engram.sdk.network.ask import Asking
from engram.sdk.network.merge import SAME_SCORE, Candidate
from engram.sdk.network.results import Rejected, name_of
from engram.sdk.network.view import View
from engram.sdk.results import Hit, Record
from engram.sdk.verification import check, same

CID = re.compile(r"v1::[0-9a-f]{64}\Z")
AT_ONCE = 8  # records fetched at a time: a page of hits in two round trips

Vector = NDArray[np.float32]


async def genuine(asking: Asking, member: Member, cid: str, timeout_s: float) -> Record:
    """The record from this member, its CID computed again.

    Raises CidMismatch for other bytes, which is held against the member, or what it said.
    """
    record = await asking.result(member, wire.get(cid), timeout_s)
    if record.cid == cid and await asyncio.to_thread(intact, [record]):
        return record
    reason = f"what it gave for {cid} is another record: it does not hash to it"
    asking.standing.lied(member, reason)
    raise CidMismatch(f"{member.url}: {reason}.")


def intact(records: Sequence[Record]) -> bool:
    """True if each is well formed and hashes to its CID. Blocks while it computes."""
    return all(well_formed(one) and check(one, one.cid).bytes_match for one in records)


def well_formed(record: Record) -> bool:
    """A node may send anything under these names."""
    texts = (record.cid, record.model_version, record.embedding_b64)
    return (
        all(isinstance(text, str) for text in texts)
        and isinstance(record.metadata, dict)
        and isinstance(record.text, str | None)
        and isinstance(record.stored_at, int | float)
        and CID.match(record.cid) is not None
    )


@dataclass(slots=True)
class Proof:
    """Makes the truth of candidates from their records, and names who said otherwise."""

    asking: Asking
    view: View
    vector: Vector | None
    """float32, shape (384,): what was searched for; None if the nodes embedded it."""
    where: Where | None
    deadline: float
    """Monotonic seconds."""
    rejected: list[Rejected] = field(default_factory=list)

    async def prove(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Those whose record was fetched and is what was searched for, with their truth."""
        places = asyncio.Semaphore(AT_ONCE)

        async def one(candidate: Candidate) -> Candidate | None:
            async with places:
                return await self._one(candidate)

        proved = await asyncio.gather(*map(one, candidates))
        return [candidate for candidate in proved if candidate is not None]

    async def _one(self, candidate: Candidate) -> Candidate | None:
        for member in self._givers(candidate):
            try:
                left = max(0.0, self.deadline - self.asking.monotonic())
                record = await genuine(self.asking, member, candidate.cid, left)
            except CidMismatch as error:
                self._reject(member, candidate.cid, error.message, lie=True)
            except EngramError as error:
                lie = isinstance(error, NotFound) and member.uid in candidate.claims
                self._reject(member, candidate.cid, error.message, lie=lie)
            else:
                return self._settled(candidate, record)
        return None

    def _givers(self, candidate: Candidate) -> list[Member]:
        """Whoever claimed it, then its other holders."""
        by_uid = {member.uid: member for member in self.view.members}
        claimed = [by_uid[uid] for uid in candidate.claims]
        rest = [by_uid[uid] for uid in candidate.ages if uid not in candidate.claims]
        others = [m for m in self.view.holders(candidate.cid) if m not in claimed and m not in rest]
        return [*claimed, *rest, *others]

    def _settled(self, candidate: Candidate, record: Record) -> Candidate | None:
        """The candidate as its record has it, and everybody who said otherwise named."""
        fits = self.where is None or matches(self.where, record.metadata)
        score = self._score(record)
        by_uid = {member.uid: member for member in self.view.members}
        for uid, hit in candidate.claims.items():
            if (reason := _difference(hit, record, score, fits=fits)) is not None:
                self.asking.standing.lied(by_uid[uid], reason)
                self._reject(by_uid[uid], candidate.cid, reason, lie=True)
        if not fits:
            return None
        shown = candidate.shown
        candidate.truth = Hit(
            candidate.cid,
            shown.score if score is None else score,
            record.metadata,
            record.text,
            shown.age_ms,
        )
        return candidate

    def _score(self, record: Record) -> float | None:
        if self.vector is None:
            return None
        a, b = self.vector.astype(np.float64), record.embedding.astype(np.float64)
        return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))

    def _reject(self, member: Member, cid: str, reason: str, *, lie: bool) -> None:
        self.rejected.append(Rejected(name_of(member), cid, reason, lie))


def _difference(hit: Hit, record: Record, score: float | None, *, fits: bool) -> str | None:
    """What a member said of a record that its bytes deny."""
    if not same(hit.metadata, record.metadata):
        return "it gave other metadata than the record has"
    if not fits:
        return "it gave a record that the filter leaves out"
    if score is not None and abs(hit.score - score) > SAME_SCORE:
        return f"it gave a score of {hit.score:.4f} where the vectors have {score:.4f}"
    return None


def disputed(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Those of which members say different things."""
    return [candidate for candidate in candidates if candidate.disputed]

"""A search over the whole network, from the question to the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engram.core import embedding
from engram.core.where import Where, parse_where
from engram.dht import Member
from engram.errors import InvalidInput, ServerUnreachable
from engram.protocol.fields import MAX_TOP_K
from engram.sdk import wire
from engram.sdk.items import Vector
from engram.sdk.network.ask import Asking
from engram.sdk.network.confirm import Confirmation
from engram.sdk.network.merge import Candidate, merged
from engram.sdk.network.needed import Needed
from engram.sdk.network.proof import Proof, disputed
from engram.sdk.network.results import NetworkHit, NetworkResults, Rejected, Silent, name_of
from engram.sdk.network.search import Answers, Search
from engram.sdk.network.view import View
from engram.sdk.own_embedder import OwnEmbedder
from engram.sdk.results import Metadata, Results

SEARCH_SHARE = 0.6  # of the deadline: what is found late can still be confirmed and proved
CONFIRM_SHARE = 0.8
OF_LATE = "it did not do what it was asked of late"


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for."""

    call: wire.Call[Results]
    vector: NDArray[np.float32] | None
    """float32, shape (384,); None if the nodes are to embed the text."""
    top_k: int
    where: Where | None
    verify: bool


async def question_of(
    asked: str | Vector, top_k: int, where: Metadata | None, verify: bool, own: OwnEmbedder
) -> Question:
    """The question, embedded here if this machine has an embedder at all.

    Then all nodes search for the very same vector. Else each embeds the text itself: exact ones
    come to the same bits, and others so near that scores agree to five places.
    Whatever is wrong with it is found here, so that no miner need be believed that a search is bad.
    Raises InvalidInput, InvalidText, InvalidEmbedding or InvalidWhere.
    """
    if isinstance(top_k, bool) or not isinstance(top_k, int) or not 1 <= top_k <= MAX_TOP_K:
        raise InvalidInput(f"top_k is a whole number from 1 to {MAX_TOP_K}, not {top_k!r}")
    parsed = parse_where(where) if where else None
    if isinstance(asked, str):
        vector = await asyncio.to_thread(_embedded, asked, own)
        if vector is None:
            unprepared = wire.query(asked, top_k, where)
            return Question(unprepared, None, top_k, parsed, verify)
    else:
        vector = embedding.from_numbers(asked)
    return Question(wire.query_by_vector(vector, top_k, where), vector, top_k, parsed, verify)


def _embedded(text: str, own: OwnEmbedder) -> NDArray[np.float32] | None:
    wire.query(text)  # refuses what is no text before the model is loaded
    embedder = own.for_sending() or own.for_checking()
    if embedder is None:
        return None
    [made] = embedder.embed([text], own.threads)
    return made.vector


class NetworkQuery:
    """Asks, merges, confirms, proves. One for each search."""

    def __init__(self, asking: Asking, view: View, question: Question, deadline_s: float) -> None:
        """``deadline_s`` counts from now."""
        self._asking = asking
        self._view = view
        self._question = question
        self._began = asking.monotonic()
        self._deadline_s = deadline_s
        self._needed = Needed(view, asking.standing)

    async def run(self) -> NetworkResults:
        """Raises ServerUnreachable if nobody answers in time."""
        question = self._question
        search = Search(
            self._asking, self._needed, question.call, question.top_k, self._at(SEARCH_SHARE)
        )
        await search.run()
        answers = search.answers
        if not answers.found:
            raise _nobody(self._view, answers)
        confirmation = Confirmation(
            self._asking, self._view, answers.began, self._at(CONFIRM_SHARE), set(answers.silent)
        )
        candidates = await self._confirmed(search, confirmation)
        kept, rejected = _kept(candidates, confirmation, self._view)
        proved, more = await self._proved(kept, confirmation)
        best = _best(proved, confirmation, question.top_k)
        by_score = sorted(proved, key=lambda one: one.rank)[: question.top_k]
        return NetworkResults(
            results=tuple(self._hit(one, confirmation) for one in best),
            left_out=sum(one not in best for one in by_score),
            complete=self._needed.missing(answers.found.keys()) == 0,
            asked=len(answers.asked),
            answered=len(answers.found),
            missing_fraction=self._needed.missing(answers.found.keys()),
            silent=(
                *(answers.silent[uid] for uid in sorted(answers.silent)),
                *self._spared(answers),
            ),
            rejected=(*answers.rejected, *rejected, *more),
            latency_ms=round((self._asking.monotonic() - self._began) * 1000, 3),
            placement=self._view.placement,
            warnings=_warnings(answers),
        )

    def _at(self, share: float) -> float:
        """The moment at which that share of the deadline is used up."""
        return self._began + share * self._deadline_s

    async def _confirmed(self, search: Search, confirmation: Confirmation) -> list[Candidate]:
        """What was found, and settled as far as second holders can.

        Who gave what nobody else has, or lacks what others have, may hide records too: then those
        who hold the same are asked as well, once.
        """
        candidates: list[Candidate] = []
        for last in (False, True):
            answers = search.answers
            found = [(answers.asked[uid], results) for uid, results in answers.found.items()]
            candidates = merged(found, answers.searched_ms, candidates)
            await confirmation.settle(candidates, self._question.top_k)
            doubted = _doubted(candidates, confirmation)
            for member in self._members(doubted):
                self._asking.standing.lacks(member)
            if last or not doubted:
                break
            if not await search.instead_of(doubted, self._at(CONFIRM_SHARE)):
                break
        return candidates

    async def _proved(
        self, kept: list[Candidate], confirmation: Confirmation
    ) -> tuple[list[Candidate], list[Rejected]]:
        """Those whose record stands behind them; without ``verify`` only the disputed are looked
        at."""
        question = self._question
        proof = Proof(self._asking, self._view, question.vector, question.where, self._at(1.0))
        while True:
            best = _best(kept, confirmation, question.top_k)
            looked_at = best if question.verify else disputed(best)
            doubtful = [candidate for candidate in looked_at if candidate.truth is None]
            if not doubtful:
                return kept, proof.rejected
            proved = await proof.prove(doubtful)
            failed = {candidate.cid for candidate in doubtful} - {one.cid for one in proved}
            kept = [candidate for candidate in kept if candidate.cid not in failed]

    def _hit(self, candidate: Candidate, confirmation: Confirmation) -> NetworkHit:
        shown = candidate.shown
        return NetworkHit(
            cid=candidate.cid,
            score=shown.score,
            metadata=shown.metadata,
            text=shown.text,
            age_ms=max(candidate.ages.values(), default=shown.age_ms),
            confirmed=confirmation.confirmed(candidate),
            verified=candidate.truth is not None,
            sources=tuple(name_of(m) for m in self._members(candidate.claims)),
            holders=tuple(name_of(m) for m in self._members(candidate.ages)),
        )

    def _spared(self, answers: Answers) -> list[Silent]:
        """Members that were not asked because of what they did before."""
        standing = self._asking.standing
        return [
            Silent(name_of(member), f"not asked: {standing.of(member).caught or OF_LATE}")
            for member in self._view.members
            if member.uid not in answers.asked and standing.avoided(member)
        ]

    def _members(self, uids: Collection[int]) -> list[Member]:
        return [member for member in self._view.members if member.uid in uids]


def _doubted(candidates: Sequence[Candidate], confirmation: Confirmation) -> set[int]:
    """UIDs of members whose answers may leave out what they should hold."""
    denied = {
        uid
        for candidate in candidates
        if confirmation.denied(candidate, candidates)
        for uid in candidate.claims
    }
    return denied | confirmation.lacking(candidates)


def _kept(
    candidates: Sequence[Candidate], confirmation: Confirmation, view: View
) -> tuple[list[Candidate], list[Rejected]]:
    """The candidates but for those that their holders deny."""
    names = {member.uid: name_of(member) for member in view.members}
    kept, rejected = [], []
    for candidate in candidates:
        deniers = confirmation.denied(candidate, candidates)
        if not deniers:
            kept.append(candidate)
            continue
        urls = ", ".join(names[uid].url for uid in deniers)
        reason = f"nobody else had it before the search: {urls} would have to"
        rejected += [
            Rejected(names[uid], candidate.cid, reason, lie=False) for uid in candidate.claims
        ]
    return kept, rejected


def _best(
    candidates: Sequence[Candidate], confirmation: Confirmation, top_k: int
) -> list[Candidate]:
    """The confirmed ones first, each part highest score first, ties by CID."""
    ranked = sorted(candidates, key=lambda one: (not confirmation.confirmed(one), *one.rank))
    return ranked[:top_k]


def _warnings(answers: Answers) -> tuple[str, ...]:
    found = (warning for results in answers.found.values() for warning in results.warnings)
    return tuple(dict.fromkeys(found))


def _nobody(view: View, answers: Answers) -> ServerUnreachable:
    reasons = "; ".join(f"{one.node.url}: {one.reason}" for one in answers.silent.values())
    return ServerUnreachable(
        f"None of the {len(view.members)} members answered in time ({reasons or 'none is known'})."
        " Look at `engram status`, or give the search a longer deadline."
    )

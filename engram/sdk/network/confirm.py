"""Was a hit there before the search began? A second holder says so, or not.

Anyone could mint records around a query vector on the fly, with CIDs that placement assigns to
themselves. What they cannot make is another member's copy that is older than the search.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from engram.dht import Member
from engram.protocol.fields import MAX_HAS
from engram.sdk import wire
from engram.sdk.network.ask import Asking
from engram.sdk.network.fanout import Fanout, Reply
from engram.sdk.network.merge import Candidate
from engram.sdk.network.view import View

WITNESSES = 2

Held = dict[str, int]


@dataclass(slots=True)
class Confirmation:
    """Settles which candidates count. ``silent`` grows by whoever does not answer."""

    asking: Asking
    view: View
    began: float
    """When the search began, in monotonic seconds."""
    deadline: float
    silent: set[int]
    """UIDs."""
    asked: set[tuple[int, str]] = field(default_factory=set)
    """Pairs of UID and CID for which an answer came or is due."""
    _entitled: dict[tuple[str, frozenset[int]], set[int]] = field(default_factory=dict)
    _holders: dict[str, set[int]] = field(default_factory=dict)
    """UIDs that placement names for a CID."""

    async def settle(self, candidates: Sequence[Candidate], top_k: int) -> None:
        """Ask second holders about those that may be among the ``top_k`` and are not confirmed."""
        async with Fanout[Held](self.asking, self.deadline) as fanout:
            while not fanout.over:
                contenders = self._open(candidates, top_k)
                self._ask(fanout, contenders, candidates)
                if not contenders or not fanout.due:
                    return
                for reply in await fanout.step():
                    self._note(reply, candidates)
                self.silent |= fanout.late

    def confirmed(self, candidate: Candidate) -> bool:
        """True if two members that placement names had it before the search began."""
        key = candidate.cid, frozenset(self.silent)
        entitled = self._entitled.get(key)
        if entitled is None:
            entitled = self._entitled[key] = self.view.entitled(*key)
        return len(candidate.ages.keys() & entitled) >= WITNESSES

    def denied(self, candidate: Candidate, candidates: Sequence[Candidate]) -> list[int]:
        """UIDs of holders that could have confirmed it and say that they do not have it.

        Nobody, unless all who say so have whatever else they should have: one that lacks what
        others confirm is under repair, and proves nothing.
        """
        if self.confirmed(candidate):
            return []
        deniers = candidate.without & self._assigned(candidate.cid)
        whole = all(self._is_whole(uid, candidates) for uid in deniers)
        return sorted(deniers) if whole else []

    def lacking(self, candidates: Sequence[Candidate]) -> set[int]:
        """UIDs of holders that do not have what two others have: under repair, or forgetful."""
        return {
            uid
            for candidate in candidates
            if candidate.without and self.confirmed(candidate)
            for uid in candidate.without & self._assigned(candidate.cid)
        }

    def _is_whole(self, uid: int, candidates: Sequence[Candidate]) -> bool:
        """True if it has each confirmed hit that placement names it for, and there is one."""
        its = [
            candidate
            for candidate in candidates
            if uid in self._assigned(candidate.cid)
            and (uid in candidate.ages or uid in candidate.without)
            and self.confirmed(candidate)
        ]
        return bool(its) and all(uid in candidate.ages for candidate in its)

    def _assigned(self, cid: str) -> set[int]:
        if cid not in self._holders:
            self._holders[cid] = {member.uid for member in self.view.current.assigned(cid)}
        return self._holders[cid]

    def _open(self, candidates: Sequence[Candidate], top_k: int) -> list[Candidate]:
        """Those not confirmed that rank before the ``top_k``-th that is."""
        found, open_still = 0, []
        for candidate in candidates:
            if found == top_k:
                break
            if self.confirmed(candidate):
                found += 1
            else:
                open_still.append(candidate)
        return open_still

    def _ask(
        self,
        fanout: Fanout[Held],
        contenders: Sequence[Candidate],
        candidates: Sequence[Candidate],
    ) -> None:
        sure = [candidate for candidate in candidates if self.confirmed(candidate)]
        questions: defaultdict[Member, list[str]] = defaultdict(list)
        for candidate in contenders:
            for member in self.view.holders(candidate.cid, self.silent):
                if self._may_know(member, candidate):
                    questions[member].append(candidate.cid)
        for member, cids in questions.items():
            cids += self._control(member, sure)
            self.asked |= {(member.uid, cid) for cid in cids}
            for start in range(0, len(cids), MAX_HAS):
                part = tuple(cids[start : start + MAX_HAS])
                fanout.put(member, wire.has(part), part)

    def _may_know(self, member: Member, candidate: Candidate) -> bool:
        return (
            member.uid not in candidate.ages
            and (member.uid, candidate.cid) not in self.asked
            and member.uid not in self.silent
        )

    def _control(self, member: Member, sure: Sequence[Candidate]) -> list[str]:
        """Confirmed hits that it should have too: they show whether its word counts."""
        return [
            candidate.cid
            for candidate in sure
            if member.uid in self._assigned(candidate.cid) and self._may_know(member, candidate)
        ]

    def _note(self, reply: Reply[Held], candidates: Sequence[Candidate]) -> None:
        uid = reply.member.uid
        if reply.result is None or not _is_well_formed(reply.result):
            self.silent.add(uid)
            return
        self.silent.discard(uid)
        searched_ms = (reply.at - self.began) * 1000
        for candidate in candidates:
            if candidate.cid not in reply.about or uid in candidate.ages:
                continue
            age_ms = reply.result.get(candidate.cid, 0)
            if age_ms > searched_ms:
                candidate.ages[uid] = age_ms
            else:
                candidate.without.add(uid)


def _is_well_formed(held: Held) -> bool:
    return all(isinstance(age, int) and not isinstance(age, bool) for age in held.values())

"""Whom a search asks: few who cover everything, and of these the fast and honest ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from engram.dht import Member
from engram.sdk.network.standing import Standing
from engram.sdk.network.view import View

EVERYBODY_UP_TO = 16
"""Members up to which all are asked: a record whose other copies were just lost is found too, and
the second holder's own result confirms a hit without another round trip. In a larger network those
who cover everything are a third of all, and hits are confirmed by ``/has`` afterwards."""
STEP_S = 0.05  # latencies within one step are one: whoever is faster by a hair need not be asked


@dataclass(frozen=True, slots=True)
class Needed:
    """The choice, for one search."""

    view: View
    standing: Standing

    def first(self) -> tuple[Member, ...]:
        """Whom to ask at once."""
        if len(self.view.members) <= EVERYBODY_UP_TO:
            good = {m.uid for m in self.view.members if not self.standing.avoided(m)}
            return self._members(good | self._instead(good))
        chosen = self._covering()
        return self._members(chosen | self._before(chosen))

    def also(self, unsure: Collection[int], asked: Collection[int]) -> tuple[Member, ...]:
        """Whom to ask as well, if the ``unsure`` among the asked may never answer."""
        cover, latency = self.view.current.cover, self._latency()
        good = {m.uid for m in self.view.members if not self.standing.avoided(m)}
        found = {m.uid for m in cover.replacements(unsure, asked, good, latency)}
        now_asked = {*asked, *found}
        found |= {m.uid for m in cover.replacements(unsure, now_asked, self._uids(), latency)}
        return self._members(found)

    def missing(self, answered: Collection[int]) -> float:
        """The share of the key space, 0..1, that none of these holds."""
        return self.view.current.cover.missing_fraction(answered)

    def _covering(self) -> set[int]:
        """A cover without those that are avoided, and of these whoever nobody can stand in for."""
        bad = {m.uid for m in self.view.members if self.standing.avoided(m)}
        cover = self.view.current.cover
        good = {m.uid for m in cover.covering(self._uids() - bad, self._latency())}
        return good | self._instead(good) if bad else good

    def _instead(self, chosen: set[int]) -> set[int]:
        """Whoever it takes beside the chosen to cover everything."""
        cover = self.view.current.cover
        more = cover.replacements((), chosen, self._uids(), self._latency())
        return {member.uid for member in more}

    def _before(self, chosen: set[int]) -> set[int]:
        """Whoever it takes to cover what was held one placement block ago, and may not be handed
        over yet."""
        if self.view.previous is None or self.view.previous.members == self.view.members:
            return set()
        stayed = self.view.stayed
        more = self.view.previous.cover.replacements((), chosen & stayed, stayed, self._latency())
        return {member.uid for member in more}

    def _latency(self) -> dict[int, float]:
        return {
            m.uid: round(self.standing.expected(m) / STEP_S) * STEP_S for m in self.view.members
        }

    def _uids(self) -> set[int]:
        return {member.uid for member in self.view.members}

    def _members(self, uids: Iterable[int]) -> tuple[Member, ...]:
        wanted = set(uids)
        return tuple(member for member in self.view.members if member.uid in wanted)

"""Whom a search asks: few who cover everything, and of these the fast and honest ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from engram.dht import Member
from engram.sdk.network.standing import Standing
from engram.sdk.network.view import View

TWICE_UP_TO = 16
"""Members up to which every key is asked for at two holders at once: a second holder's own result
then confirms a hit without another round trip. In a larger network that would ask two thirds of all
members instead of one third, so the few hits are confirmed by ``/has`` afterwards."""
STEP_S = 0.05  # latencies within one step are one: whoever is faster by a hair need not be asked


@dataclass(frozen=True, slots=True)
class Needed:
    """The choice, for one search."""

    view: View
    standing: Standing

    def first(self) -> tuple[Member, ...]:
        """Whom to ask at once."""
        chosen = self._covering(self._uids())
        if len(self.view.members) <= TWICE_UP_TO:
            chosen |= self._covering(self._uids() - chosen)
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

    def _covering(self, available: set[int]) -> set[int]:
        """A cover without those that are avoided, and of these whoever nobody can stand in for."""
        cover, latency = self.view.current.cover, self._latency()
        bad = {m.uid for m in self.view.members if m.uid in available and self.standing.avoided(m)}
        good = {m.uid for m in cover.covering(available - bad, latency)}
        if not bad:
            return good
        return good | {m.uid for m in cover.replacements((), good, available, latency)}

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

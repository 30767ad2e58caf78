"""Which members to ask so that no record can be missed, and what is missed without some of them."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engram.core.limits import REPLICAS

if TYPE_CHECKING:
    from engram.dht.membership import Member

Regions = NDArray[np.bool_]
"""A set of regions of the key space: True for those in it, shape (regions,)."""


def regions(
    places: Sequence[int], copies: int, branches: int = 0
) -> Iterator[tuple[Sequence[int], int]]:
    """The parts of the key space in which the same ``copies`` places are the nearest.

    ``places`` are distinct node ids as integers, ascending. Yields the nearest places (all of them
    if there are fewer than ``copies``) with the number b of key bits that decide for them, so the
    part is 2**-b of the space. Only a bit in which the places left differ decides anything: keys
    on its two sides order them by it, and keys that agree on all such bits order them alike.
    """
    if len(places) <= copies:
        yield places, branches
        return
    bit = (places[0] ^ places[-1]).bit_length() - 1
    middle = bisect_left(places, places[-1] >> bit << bit)
    zeros, ones = places[:middle], places[middle:]
    for near, far in ((zeros, ones), (ones, zeros)):
        if len(near) >= copies:
            yield from regions(near, copies, branches + 1)
        else:
            for rest, deeper in regions(far, copies - len(near), branches + 1):
                yield [*near, *rest], deeper


class Cover:
    """The key space of one membership, cut into regions that have the same holders.

    Everything here is exact: it holds for every key, not for a sample. With random node ids there
    are about as many regions as members, and 256 members take milliseconds. UIDs of non-members
    are ignored. ``members`` are all members, or those present where stand-ins are to count.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = tuple(members)

    @cached_property
    def _regions(self) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Whether a member holds a region, shape (regions, members), and each region's share."""
        column = {int.from_bytes(m.node_id): at for at, m in enumerate(self._members)}
        found = list(regions(sorted(column), REPLICAS))
        held = np.zeros((len(found), len(self._members)), np.bool_)
        for row, (near, _) in enumerate(found):
            held[row, [column[place] for place in near]] = True
        return held, np.ldexp(1.0, [-branches for _, branches in found])

    def covering(
        self, available: Collection[int], latency: Mapping[int, float] | None = None
    ) -> tuple[Member, ...]:
        """Few members that together hold every key that the ``available`` UIDs hold at all.

        The slowest of them is as fast as the slowest of any such set can be; within that they are
        few, by the usual greedy choice, and none can be left out. ``latency`` is what each UID is
        expected to take, in any unit, 0 for those not named; round what is not known better, since
        a member that is faster by a hair is kept for it. By ascending UID.
        """
        held, _ = self._regions
        return self._chosen(np.ones(len(held), np.bool_), available, latency or {})

    def replacements(
        self,
        silent: Collection[int],
        asked: Collection[int],
        available: Collection[int],
        latency: Mapping[int, float] | None = None,
    ) -> tuple[Member, ...]:
        """Whom to ask as well, so that the answers of ``silent`` members are not needed.

        They cover what nobody ``asked`` but the silent ones does, as far as any other of the
        ``available`` holds it; chosen as in ``covering``.
        """
        open_still = ~self._within(set(asked) - set(silent))
        return self._chosen(open_still, set(available) - set(asked) - set(silent), latency or {})

    def missing_fraction(self, answered: Collection[int]) -> float:
        """The share of the key space, 0..1, none of whose holders is among ``answered``.

        0.0 means that nothing can be missing. Without members everything is: 1.0.
        """
        _, shares = self._regions
        return math.fsum(shares[~self._within(answered)])

    def shares(self) -> dict[int, float]:
        """What share of all records, 0..1, each UID is a holder of; together min(3, members)."""
        held, shares = self._regions
        return {m.uid: math.fsum(shares[held[:, at]]) for at, m in enumerate(self._members)}

    def _within(self, uids: Collection[int]) -> Regions:
        """Regions of which one of these members is a holder."""
        held, _ = self._regions
        found: Regions = np.logical_or.reduce(held[:, self._columns(uids)], axis=1)
        return found

    def _columns(self, uids: Collection[int]) -> list[int]:
        return [at for at, member in enumerate(self._members) if member.uid in uids]

    def _chosen(
        self, wanted: Regions, available: Collection[int], latency: Mapping[int, float]
    ) -> tuple[Member, ...]:
        rows = wanted & self._within(available)
        if not rows.any():
            return ()
        columns = self._columns(set(available))
        slowest_first = sorted(columns, key=lambda at: (-latency.get(self._members[at].uid, 0), at))
        needed = self._pruned(rows, slowest_first)
        slowest = max((latency.get(self._members[at].uid, 0) for at in needed), default=0)
        fast = [at for at in slowest_first if latency.get(self._members[at].uid, 0) <= slowest]
        greedy = self._greedy(rows, fast)
        few = self._pruned(rows, [at for at in fast if at in greedy])
        return tuple(self._members[at] for at in sorted(few))

    def _pruned(self, rows: Regions, columns: Sequence[int]) -> list[int]:
        """What is left when each in turn is dropped that the rest can do without.

        Slowest first, the first that must stay is one that no cover can avoid outdoing: each other
        holder of some region was at least as slow.
        """
        held = self._regions[0][rows]
        times = held[:, columns].sum(axis=1)
        kept = []
        for at in columns:
            if (times[held[:, at]] > 1).all():
                times -= held[:, at]
            else:
                kept.append(at)
        return kept

    def _greedy(self, rows: Regions, columns: Sequence[int]) -> set[int]:
        """Whoever holds most of what is still open, again and again; the faster of equals.

        Source: Chvatal, A greedy heuristic for the set-covering problem, 1979.
        """
        held, shares = self._regions
        fastest_first = list(reversed(columns))
        wanted = held[rows][:, fastest_first]
        weights = shares[rows]
        chosen = set()
        while wanted.size and wanted.any():
            best = int((weights @ wanted).argmax())
            chosen.add(fastest_first[best])
            left = ~wanted[:, best]
            wanted, weights = wanted[left], weights[left]
        return chosen

"""What a peer was found to lack, and for how long: whoever is not first to send waits a while."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engram.core.ranges import Digests, among, unique
from engram.miner.replication.interface import Clock

FORGOTTEN_AFTER = 6  # times the wait: several comparisons that found nothing, or none at all


@dataclass(frozen=True, slots=True)
class Note:
    """Digests that were missing at a moment."""

    at: float
    digests: Digests


class Doubts:
    """Remembers for each seat what was missing at a comparison.

    What is missing again ``wait_s`` (seconds) later is ripe: the first in order did not send it.
    """

    def __init__(self, clock: Clock, wait_s: float) -> None:
        self._clock = clock
        self._wait_s = wait_s
        self._young: dict[int, Note] = {}
        self._old: dict[int, Note] = {}

    def ripe(self, seat: int, missing: Digests) -> NDArray[np.bool_]:
        """Shape (n,): which of these were missing before; the others are noted.

        ``missing`` is in order. Milliseconds for a million, so not on the event loop.
        """
        self._age(seat)
        old = self._old.get(seat)
        known = among(missing, old.digests) if old else np.zeros(len(missing), np.bool_)
        if old is not None and known.any():
            self._old[seat] = Note(self._clock.monotonic(), old.digests)
        if not known.all():
            self._note(seat, missing[~known])
        return known

    def forget(self, seat: int) -> None:
        """Nothing is missing there."""
        self._young.pop(seat, None)
        self._old.pop(seat, None)

    def _note(self, seat: int, missing: Digests) -> None:
        young = self._young.get(seat)
        if young is None:
            self._young[seat] = Note(self._clock.monotonic(), missing)
        else:
            both = unique(np.concatenate([young.digests, missing]))
            self._young[seat] = Note(young.at, both)

    def _age(self, seat: int) -> None:
        """The young grow old; the old are forgotten."""
        now = self._clock.monotonic()
        old, young = self._old.get(seat), self._young.get(seat)
        if old is not None and now - old.at > FORGOTTEN_AFTER * self._wait_s:
            del self._old[seat]
        if young is not None and now - young.at >= self._wait_s:
            self._old[seat] = self._young.pop(seat)

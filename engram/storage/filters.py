"""Filters that were asked before, with the rows that they have been decided for."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

import numpy as np

from engram.core.where import Where
from engram.storage.columns import Columns, Fetch
from engram.storage.growing import Growing
from engram.storage.rows import Mask

_REMEMBERED = 32  # filters; each costs one byte per row


class _Decided:
    """One filter's mask, extended as rows arrive. Metadata never changes, so neither does it."""

    def __init__(self) -> None:
        self.mask = Growing(np.bool_)
        self.extending = Lock()


class Filters:
    """Masks over all rows, computed for the new ones only."""

    def __init__(self, columns: Columns, fetch: Fetch) -> None:
        self._columns = columns
        self._fetch = fetch
        self._decided: OrderedDict[Where, _Decided] = OrderedDict()
        self._choosing = Lock()

    def mask(self, where: Where, count: int) -> Mask:
        """Which of the first ``count`` rows match; do not write to it."""
        decided = self._find(where)
        if decided is None:
            return self._columns.mask(where, 0, count, self._fetch)
        with decided.extending:
            known = decided.mask.count
            if known < count:
                decided.mask.extend(self._columns.mask(where, known, count, self._fetch))
            return decided.mask.view(count)

    def _find(self, where: Where) -> _Decided | None:
        try:
            hash(where)
        except TypeError:  # compares with an array or object
            return None
        with self._choosing:
            decided = self._decided.setdefault(where, _Decided())
            self._decided.move_to_end(where)
            if len(self._decided) > _REMEMBERED:
                self._decided.popitem(last=False)
            return decided

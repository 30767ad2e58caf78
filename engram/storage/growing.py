"""One array that grows at its end while others read what is already there."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

_GROWTH = 1.5  # leaves at most a third of the memory unused
_FIRST = 16


class Growing:
    """A numpy array with room behind its end.

    One thread appends; any thread may read the first ``count`` items. A reader that took
    ``count`` before ``view`` sees complete items even while the array moves to a larger place.
    """

    def __init__(self, dtype: DTypeLike, width: int | None = None) -> None:
        self._tail_shape = () if width is None else (width,)
        self._items: NDArray[Any] = np.empty((_FIRST, *self._tail_shape), dtype)
        self.count = 0

    @classmethod
    def of(cls, items: NDArray[Any]) -> Growing:
        """Start with these items, without copying them."""
        grown = cls(items.dtype, items.shape[1] if items.ndim == 2 else None)
        grown._items = items
        grown.count = len(items)
        return grown

    def extend(self, items: ArrayLike) -> None:
        """Append items of the array's dtype."""
        fresh = np.asarray(items, self._items.dtype)
        end = self.count + len(fresh)
        if end > len(self._items):
            self._move(max(end, int(len(self._items) * _GROWTH)))
        self._items[self.count : end] = fresh
        self.count = end

    def view(self, count: int | None = None) -> NDArray[Any]:
        """The first ``count`` items (all by default), not copied."""
        return self._items[: self.count if count is None else count]

    def _move(self, capacity: int) -> None:
        moved = np.empty((capacity, *self._tail_shape), self._items.dtype)
        moved[: self.count] = self._items[: self.count]
        self._items = moved

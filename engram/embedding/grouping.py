"""Which texts share a call of the model: those of equal length, so that nothing is padded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence


def equal_length_groups(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Positions in ``lengths``, longest first, in groups of one length and at most ``tokens``.

    A text longer than ``tokens`` is a group of its own.
    """
    by_length: defaultdict[int, list[int]] = defaultdict(list)
    for position, length in enumerate(lengths):
        by_length[length].append(position)
    groups = []
    for length in sorted(by_length, reverse=True):
        positions, size = by_length[length], max(1, tokens // length)
        groups += [positions[start : start + size] for start in range(0, len(positions), size)]
    return groups

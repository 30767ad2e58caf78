"""Which texts share a call: those of equal length, where anything else would be padded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from engram.embedding.interface import MAX_TOKENS

ASCII_PER_TOKEN = 4  # letters and spaces to a word piece of English; other scripts have about one


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


def about_tokens(text: str) -> int:
    """Word pieces that the model will read of a text, guessed from its length alone.

    For sharing out work: a real count costs as much as tokenising the text, which an embedder
    that takes any lengths together does once anyway.
    """
    letters = len(text) // ASCII_PER_TOKEN if text.isascii() else len(text)
    return min(MAX_TOKENS, 2 + letters)

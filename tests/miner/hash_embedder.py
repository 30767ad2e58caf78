"""An embedder without a model, for tests that do not ask what a text means."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from engram.embedding.interface import Embedded


class HashEmbedder:
    """Each text gets a unit vector of its own; words that two texts share bring them closer."""

    name = "hash"
    any_lengths = True
    call_tokens = 256

    def __init__(self, *, exact: bool = True) -> None:
        self.exact = exact
        self.fallback = None if exact else "a test wanted it so."

    def embed(self, texts: Sequence[str], threads: int = 1) -> list[Embedded]:
        return [Embedded(vector_of(text), self.count_tokens(text) > 256) for text in texts]

    def count_tokens(self, text: str) -> int:
        return len(text.split()) + 2


def vector_of(text: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    total = np.zeros(384)
    for word in text.split() or [""]:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
        total += np.random.default_rng(seed).standard_normal(384)
    return (total / np.linalg.norm(total)).astype(np.float32)

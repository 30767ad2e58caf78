"""An embedder that tests hold still: it notes each call and waits at a gate."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence

import numpy as np

from engram.embedding import Embedded
from engram.errors import InvalidText

PATIENCE_S = 30.0  # only a test that fails ever waits so long


class GatedEmbedder:
    """Counts words as tokens. Texts with ``bad`` in them fail; ``uncountable`` ones twice."""

    name = "gated"
    exact = True
    fallback: str | None = None

    def __init__(self, *, open_gate: bool = True, any_lengths: bool = False) -> None:
        self.any_lengths = any_lengths
        self.call_tokens = 512
        self.calls: list[list[str]] = []
        self.threads: list[int] = []
        self.counted: list[str] = []
        self.gate = threading.Semaphore(1_000_000 if open_gate else 0)
        self._arrived: queue.Queue[list[str]] = queue.Queue()

    def embed(self, texts: Sequence[str], threads: int = 1) -> list[Embedded]:
        self.calls.append(list(texts))
        self.threads.append(threads)
        self._arrived.put(list(texts))
        assert self.gate.acquire(timeout=PATIENCE_S), "nobody opened the gate"
        for text in texts:
            if "panic" in text:
                raise SystemExit(text)
            if "bad" in text or "uncountable" in text:
                raise InvalidText(text)
        return [self.embedded(text) for text in texts]

    def count_tokens(self, text: str) -> int:
        self.counted.append(text)
        if "uncountable" in text:
            raise InvalidText(text)
        return len(text.split())

    def next_call(self) -> list[str]:
        """The texts of the next call, once it stands at the gate."""
        return self._arrived.get(timeout=PATIENCE_S)

    def let_through(self, calls: int = 1) -> None:
        self.gate.release(calls)

    @staticmethod
    def embedded(text: str) -> Embedded:
        return Embedded(np.full(384, len(text), np.float32), truncated="long" in text)

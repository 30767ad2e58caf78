"""The embedding model in this process, loaded when the first text needs it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait

from engram.embedding.batcher import Batcher
from engram.embedding.interface import Embedded, Embedder
from engram.errors import NotReady, Overloaded

TURN_S = 0.05  # how long a full queue is left before it is tried again


class LazyModel:
    """An embedder behind its batcher. Thread-safe.

    Listing, reading and deleting work without the model; ``embed`` raises ModelMissing.
    """

    def __init__(self, opener: Callable[[], Embedder], *, threads: int | None, queue: int) -> None:
        self._opener = opener
        self._threads = threads
        self._queue = queue
        self._lock = threading.Lock()
        self._loaded: tuple[Embedder, Batcher] | None = None
        self._closed = False

    @property
    def loaded(self) -> Embedder | None:
        """The embedder if a text has needed it already."""
        return self._loaded[0] if self._loaded else None

    def load(self) -> tuple[Embedder, Batcher]:
        """Load the model once. Raises ModelMissing or ModelMismatch, and NotReady after close():
        threads that embed while Python ends would abort the process."""
        with self._lock:
            if self._closed:
                raise NotReady("This memory is closed.")
            if self._loaded is None:
                embedder = self._opener()
                batcher = Batcher(embedder, self._threads, self._queue)
                self._loaded = embedder, batcher
            return self._loaded

    def embed(self, texts: Sequence[str], *, urgent: bool = False) -> list[Embedded]:
        """Embed texts in order, together where that is faster."""
        if not texts:
            return []
        _, batcher = self.load()
        pending: list[Future[Embedded]] = []
        for text in texts:
            pending.append(_queue(batcher, text, urgent, pending))
        return [future.result() for future in pending]

    def close(self) -> None:
        """Stop the batcher's threads, for good."""
        with self._lock:
            self._closed = True
            if self._loaded is not None:
                self._loaded[1].close()
                self._loaded = None


def _queue(
    batcher: Batcher, text: str, urgent: bool, ours: Sequence[Future[Embedded]]
) -> Future[Embedded]:
    """Submit a text; while the queue is full, wait. A caller in this process has no one to
    turn it away to, and the queue always moves."""
    while True:
        try:
            return batcher.submit(text, urgent)
        except Overloaded:
            wait(ours, timeout=TURN_S, return_when=FIRST_COMPLETED)

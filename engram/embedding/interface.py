"""What every embedder promises, whatever does the arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

MAX_TOKENS = 256  # word pieces that the model reads, [CLS] and [SEP] included


class Embedded(NamedTuple):
    """One text's embedding."""

    vector: NDArray[np.float32]
    """float32, shape (384,), unit L2 norm."""
    truncated: bool
    """True if the text was longer than 256 word pieces and only its beginning was read."""


class Embedder(Protocol):
    """Text to vector. Blocks; may be called from any thread; releases the GIL while it computes."""

    name: str
    """For /stats and ``engram doctor``, e.g. ``engram-core 0.1.0 (avx512)``."""
    exact: bool
    """True if every machine gets the same bits, so that the CID of a text is universal."""
    fallback: str | None
    """None if ``exact``; otherwise why the exact embedder does not serve, and the way out."""
    any_lengths: bool
    """True if texts of any length share the work of a call, False if only those of equal length."""
    call_tokens: int
    """Word pieces beyond which a larger call is no faster a text; 1 if company never helps."""

    def embed(self, texts: Sequence[str], threads: int = 1) -> list[Embedded]:
        """Embed each text at its own length, in order; no text's bits depend on its neighbours.

        Any number of texts may come in one call. ``threads``: how many may work on it, the
        caller's among them; it changes the time, never a bit. Raises InvalidText for lone
        surrogates.
        """
        ...

    def count_tokens(self, text: str) -> int:
        """Word pieces of the whole text, [CLS] and [SEP] included, before truncation.

        Raises InvalidText for lone surrogates.
        """
        ...

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
    """For /stats and ``engram doctor``, e.g. ``onnxruntime 1.32.0``."""
    exact: bool
    """True if every machine gets the same bits, so that the CID of a text is universal."""

    def embed(self, texts: Sequence[str]) -> list[Embedded]:
        """Embed each text at its own length, in order; no text's bits depend on its neighbours."""
        ...

    def count_tokens(self, text: str) -> int:
        """Word pieces of the whole text, [CLS] and [SEP] included, before truncation."""
        ...

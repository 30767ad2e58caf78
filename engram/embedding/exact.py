"""The model by engram-core: the same bits on every machine, and so the same CID for a text."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import engram_core
import numpy as np

from engram.core.limits import DIMENSIONS
from engram.core.rust import translated
from engram.embedding.files import WAY_OUT, ModelFiles
from engram.embedding.interface import MAX_TOKENS, Embedded
from engram.errors import ModelMismatch, SelfTestFailed

CALL_TOKENS = 256  # weights are read once a call, which from here on hardly matters
SLOW_KERNEL = "portable"

log = logging.getLogger("engram.embedding")


class ExactEmbedder:
    """An Embedder. Nothing is padded: texts of any length are rows of the same products."""

    exact = True
    fallback: str | None = None
    any_lengths = True
    call_tokens = CALL_TOKENS

    def __init__(self, model: ModelFiles, kernel: str | None = None) -> None:
        """Read the model and try a few known texts. ``kernel``: None is this machine's fastest.

        Raises ModelMismatch if a file is not the pinned one (it hashes what it reads), ModelError
        if one cannot be read, and SelfTestFailed if the known texts get other bits than they must.
        """
        self._core = _open(model, kernel)
        _test(self._core)
        self._embed = translated(self._core.embed)
        self._count = translated(self._core.count_tokens)
        self.name = f"engram-core {engram_core.__version__} ({self._core.kernel})"
        if self._core.kernel == SLOW_KERNEL:
            log.warning(
                "embedding is exact but slow here: engram-core knows no fused multiply-add of "
                "this processor's (FMA on x86-64, NEON on aarch64)"
            )

    def embed(self, texts: Sequence[str], threads: int = 1) -> list[Embedded]:
        """Embed each text at its own length, in order; neither company, order nor threads matter.

        Vectors are read-only rows of one float32 array. Raises InvalidText for lone surrogates.
        """
        rows, totals = self._embed(texts, threads)
        vectors = np.frombuffer(rows, "<f4").reshape(-1, DIMENSIONS)
        return [Embedded(v, n > MAX_TOKENS) for v, n in zip(vectors, totals, strict=True)]

    def count_tokens(self, text: str) -> int:
        """Word pieces of the whole text, [CLS] and [SEP] included, before truncation."""
        return self._count(text)


def _open(model: ModelFiles, kernel: str | None) -> engram_core.Embedder:
    try:
        return translated(engram_core.Embedder)(str(model.weights), str(model.tokenizer), kernel)
    except ModelMismatch as error:
        raise ModelMismatch(f"{error.message} Remove it. {WAY_OUT}") from error


def _test(core: engram_core.Embedder) -> None:
    try:
        translated(core.self_test)()
    except SelfTestFailed as error:
        raise SelfTestFailed(f"{error.message} Please report it.") from error

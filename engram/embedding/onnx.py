"""The model by onnxruntime, on the CPU. Its bits differ from one kind of processor to another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from engram.config import forbid_telemetry
from engram.core.limits import DIMENSIONS
from engram.embedding.files import ModelFiles
from engram.embedding.grouping import equal_length_groups
from engram.embedding.interface import Embedded
from engram.embedding.tokens import WordPieces

forbid_telemetry()
import onnxruntime  # noqa: E402 - it reports its use from here on

A = TypeVar("A")
T = TypeVar("T")

CALL_TOKENS = 512  # more a call is no faster; this is 1.6 times the rate of 28 tokens a call
PROBE_LENGTHS = (2, 7, 33)  # the shortest, an odd one, one just past a multiple of registers
PROBE_TEXTS = 3
ERRORS_ONLY = 3  # onnxruntime's log severity


class OnnxEmbedder:
    """An Embedder. Each call of the model computes in one thread; several run in parallel."""

    exact = False
    any_lengths = False

    def __init__(self, model: ModelFiles, graph: bytes, fallback: str) -> None:
        """``graph`` is build_graph's for ``model``, whose files are verified already.

        ``fallback``: why this embedder runs and not the exact one.
        """
        self.name = f"onnxruntime {onnxruntime.__version__}"
        self.fallback: str | None = fallback
        self._pieces = WordPieces(model.tokenizer)
        self._session = _open_session(model, graph)
        self.call_tokens = CALL_TOKENS if self._groups_keep_bits() else 1

    def embed(self, texts: Sequence[str], threads: int = 1) -> list[Embedded]:
        """Embed each text at its own length, in order; no text's bits depend on its neighbours.

        Equal lengths share a call of the model. ``threads`` work through these calls; one text
        is one call, and so one thread's work. Raises InvalidText for lone surrogates.
        """
        tokens = _parallel(self._pieces.read, texts, threads)
        groups = equal_length_groups([len(t.ids) for t in tokens], self.call_tokens)

        def rows_of(group: Sequence[int]) -> NDArray[np.float32]:
            return self._run(np.stack([tokens[position].ids for position in group]))

        vectors = np.empty((len(tokens), DIMENSIONS), np.float32)
        for group, rows in zip(groups, _parallel(rows_of, groups, threads), strict=True):
            vectors[group] = rows
        return [Embedded(v, t.truncated) for v, t in zip(vectors, tokens, strict=True)]

    def count_tokens(self, text: str) -> int:
        """Word pieces of the whole text, [CLS] and [SEP] included, before truncation."""
        return self._pieces.read(text).total

    def _run(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """int64 (texts, tokens) to float32 (texts, 384)."""
        embeddings: NDArray[np.float32] = self._session.run(None, {"ids": ids})[0]
        return embeddings

    def _groups_keep_bits(self) -> bool:
        """Does this processor's code give a text the same bits in a group as alone?

        It did wherever it was measured. Kernels are chosen by processor, so a few known inputs
        are tried at each start (50 ms); where they differ, every text gets a call of its own.
        """
        for length in PROBE_LENGTHS:
            ids = np.arange(1_000, 1_000 + PROBE_TEXTS * length).reshape(PROBE_TEXTS, length)
            alone = [self._run(row[np.newaxis]) for row in ids]
            if self._run(ids).tobytes() != np.concatenate(alone).tobytes():
                return False
        return True


def _parallel(call: Callable[[A], T], arguments: Sequence[A], threads: int) -> list[T]:
    """The results in order; in this thread if there is nothing to share."""
    threads = min(threads, len(arguments))
    if threads <= 1:
        return [call(argument) for argument in arguments]
    with ThreadPoolExecutor(threads, thread_name_prefix="onnx") as pool:
        return [*pool.map(call, arguments)]


def _open_session(model: ModelFiles, graph: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # Two texts in two threads are faster than one text in two: 426 against 389 texts/s.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # Patterns are kept per input shape, of which there are hundreds here, and gain nothing.
    options.enable_mem_pattern = False
    options.log_severity_level = ERRORS_ONLY
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", str(model.weights.parent)
    )
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

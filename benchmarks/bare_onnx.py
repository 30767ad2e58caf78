"""onnxruntime on the same model with nothing around it, in each way that it may be fastest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from engram.config import EmbedderSettings, forbid_telemetry
from engram.embedding.files import find_model
from engram.embedding.graph_cache import load_graph
from engram.embedding.grouping import equal_length_groups
from engram.embedding.tokens import WordPieces

forbid_telemetry()
import onnxruntime  # noqa: E402 - it reports its use from here on

CALL_TOKENS = 512  # as many as pay
PADDED_TEXTS = 32  # a usual batch
FOLDER = "session.model_external_initializers_file_folder_path"

Ids = NDArray[np.int64]
Calls = list[Ids]


class BareOnnx:
    """Sessions with this number of threads: within a call, and across calls."""

    def __init__(self, threads: int) -> None:
        settings = EmbedderSettings()
        model = find_model(settings.model_dir)
        graph = load_graph(model, settings.cache_dir)
        self._pieces = WordPieces(model.tokenizer)
        self._threads = threads
        folder = str(model.weights.parent)
        self._within = _session(graph, folder, threads)
        self._across = _session(graph, folder, 1)

    def alone(self, text: str) -> None:
        """One text, all threads on it."""
        _call(self._within, self._pieces.read(text).ids[np.newaxis])

    def ways(self, texts: Sequence[str]) -> list[Callable[[], None]]:
        """Unpadded, in groups of one length, and padded; threads within calls, and across them."""

        def way(session: onnxruntime.InferenceSession, calls: Callable[[list[Ids]], Calls]) -> None:
            read = calls([self._pieces.read(text).ids for text in texts])
            if session is self._within:
                for ids in read:
                    _call(session, ids)
                return
            with ThreadPoolExecutor(self._threads) as pool:
                list(pool.map(lambda ids: _call(session, ids), read))

        sessions = [self._within] if self._threads == 1 else [self._within, self._across]
        return [
            lambda session=session, calls=calls: way(session, calls)  # type: ignore[misc]
            for session in sessions
            for calls in (_unpadded, _padded)
        ]


def _session(graph: bytes, folder: str, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False
    options.add_session_config_entry(FOLDER, folder)
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _call(session: onnxruntime.InferenceSession, ids: Ids) -> None:
    session.run(None, {"ids": ids})


def _unpadded(texts: list[Ids]) -> Calls:
    groups = equal_length_groups([len(ids) for ids in texts], CALL_TOKENS)
    return [np.stack([texts[position] for position in group]) for group in groups]


def _padded(texts: list[Ids]) -> Calls:
    """Sorted by length, in usual batches. Our graph has no mask, so this is a little too fast."""
    ordered = sorted(texts, key=len)
    batches = [ordered[i : i + PADDED_TEXTS] for i in range(0, len(ordered), PADDED_TEXTS)]
    return [
        np.stack([np.pad(ids, (0, len(batch[-1]) - len(ids))) for ids in batch])
        for batch in batches
    ]

"""On a processor whose kernels give a group other bits, every text gets a call of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engram.embedding.files import ModelFiles
from engram.embedding.graph_cache import load_graph
from engram.embedding.onnx import OnnxEmbedder


class Watched(OnnxEmbedder):
    """Notes how many texts each call has."""

    def __init__(self, model: ModelFiles, graph: bytes) -> None:
        self.calls: list[int] = []
        super().__init__(model, graph, "a test wants it so.")

    def _run(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        self.calls.append(len(ids))
        return super()._run(ids)


class GroupsDiffer(Watched):
    """As if this processor rounded otherwise for more than one text."""

    def _run(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        found = super()._run(ids)
        return found if len(ids) == 1 else np.nextafter(found, np.float32(2))


@pytest.mark.parametrize(("kind", "calls"), [(GroupsDiffer, [1, 1, 1]), (Watched, [3])])
def test_texts_of_one_length(
    model: ModelFiles, tmp_path: Path, kind: type[Watched], calls: list[int]
) -> None:
    embedder = kind(model, load_graph(model, tmp_path))
    embedder.calls.clear()  # those of the trial at the start
    embedder.embed(["one cat", "two cats", "six dogs"])
    assert embedder.calls == calls

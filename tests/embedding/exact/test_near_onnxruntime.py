"""The exact embedder computes the model's function: as near to onnxruntime as float32 allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engram.config import EmbedderSettings
from engram.embedding import Embedder, open_embedder
from tests.embedding.exact import lee
from tests.embedding.golden.texts import COUNT, texts

CLOSE = 1e-6  # components are about 0.05, and float32 rounding over six layers gives some 4e-7
BATCH = 50

Vectors = NDArray[np.float32]


@pytest.fixture(scope="module")
def onnx() -> Embedder:
    return open_embedder(EmbedderSettings(embedder="onnx"))


def vectors(exact: Any, some: Sequence[str]) -> Vectors:
    return np.frombuffer(exact.embed(some, threads=2)[0], "<f4").reshape(-1, 384)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, COUNT, BATCH * 5))
def test_every_component_of_every_golden_text(exact: Any, onnx: Embedder, start: int) -> None:
    for first in range(start, start + BATCH * 5, BATCH):
        some = texts()[first : first + BATCH]
        theirs = np.array([embedded.vector for embedded in onnx.embed(some, threads=2)])
        assert np.abs(vectors(exact, some) - theirs).max() < CLOSE


def test_people_agree_with_both_equally(exact: Any, onnx: Embedder) -> None:
    """Spearman's correlation with the judgements of the Lee corpus, within 0.001 of each other."""
    theirs = np.array([embedded.vector for embedded in onnx.embed(lee.judged(), threads=2)])
    ours = agreement(vectors(exact, lee.judged()))
    assert ours > 0.45
    assert abs(ours - agreement(theirs)) < 0.001


def agreement(rows: Vectors) -> float:
    """Spearman's rho between the cosines of all pairs and what people said."""
    first, second = lee.pairs()
    cosines = np.einsum("ij,ij->i", rows[first], rows[second], dtype=np.float64)
    return float(np.corrcoef(ranks(cosines), ranks(lee.judgements()))[0, 1])


def ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Equal values share the mean of their ranks."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    mean: NDArray[np.float64] = (last - (count - 1) / 2)[place]
    return mean

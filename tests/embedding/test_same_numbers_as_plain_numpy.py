"""The graph computes what the model's definition says, to the last digits of float32."""

from __future__ import annotations

import numpy as np
import pytest

from engram.embedding import Embedder
from engram.embedding.files import ModelFiles
from tests.embedding.numpy_forward import NumpyForward
from tests.embedding.varied_texts import VARIED

CLOSE = 1e-6  # components are about 0.05; float32 rounding over six layers gives some 2e-7


@pytest.fixture(scope="module")
def reference(model: ModelFiles) -> NumpyForward:
    return NumpyForward(model)


@pytest.mark.parametrize("text", VARIED, ids=range(len(VARIED)))
def test_every_component_agrees(embedder: Embedder, reference: NumpyForward, text: str) -> None:
    (ours,) = embedder.embed([text])
    assert ours.vector.shape == (384,)
    assert ours.vector.dtype == np.float32
    assert abs(float(np.linalg.norm(ours.vector.astype(np.float64))) - 1) < CLOSE
    assert np.abs(ours.vector - reference.embed(text)).max() < CLOSE


@pytest.mark.parametrize("text", VARIED, ids=range(len(VARIED)))
def test_the_same_word_pieces_are_read(
    embedder: Embedder, reference: NumpyForward, text: str
) -> None:
    whole = embedder.count_tokens(text)
    assert min(whole, 256) == len(reference.ids(text))
    assert embedder.embed([text])[0].truncated == (whole > 256)

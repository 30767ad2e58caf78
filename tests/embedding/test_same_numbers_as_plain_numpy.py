"""The graph computes what the model's definition says, to the last digits of float32."""

from __future__ import annotations

import numpy as np
import pytest

from engram.embedding.files import ModelFiles
from tests.embedding.conftest import kinds_here, opened
from tests.embedding.numpy_forward import NumpyForward
from tests.embedding.varied_texts import VARIED

CLOSE = 1e-6  # components are about 0.05; float32 rounding over six layers gives some 2e-7


@pytest.fixture(scope="module")
def reference(model: ModelFiles) -> NumpyForward:
    return NumpyForward(model)


@pytest.mark.parametrize("text", VARIED, ids=range(len(VARIED)))
def test_every_component_agrees(reference: NumpyForward, text: str) -> None:
    """Of each embedder that is here; the reference takes seconds, so it is asked once a text."""
    expected, pieces = reference.embed(text), len(reference.ids(text))
    for kind in kinds_here():
        embedder = opened(kind)
        (ours,) = embedder.embed([text])
        assert ours.vector.shape == (384,), kind
        assert ours.vector.dtype == np.float32, kind
        assert abs(float(np.linalg.norm(ours.vector.astype(np.float64))) - 1) < CLOSE, kind
        assert np.abs(ours.vector - expected).max() < CLOSE, kind
        whole = embedder.count_tokens(text)
        assert (min(whole, 256), ours.truncated) == (pieces, whole > 256), kind

"""Any Unicode text gives a finite unit vector; what is not Unicode is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.embedding import Embedder
from engram.errors import InvalidText


@pytest.mark.parametrize("text", ["\ud800", "fine until here \udfff", "\udc00\ud800"])
def test_lone_surrogates_are_refused(embedder: Embedder, text: str) -> None:
    with pytest.raises(InvalidText, match="surrogate"):
        embedder.embed(["good", text])
    with pytest.raises(InvalidText, match="surrogate"):
        embedder.count_tokens(text)


def test_any_unicode_gives_a_unit_vector(embedder: Embedder) -> None:
    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
    @settings(max_examples=100, deadline=None)
    def check(text: str) -> None:
        (embedded,) = embedder.embed([text])
        assert np.isfinite(embedded.vector).all()
        assert abs(float(np.linalg.norm(embedded.vector)) - 1) < 1e-5

    check()


def test_no_texts_give_no_vectors(embedder: Embedder) -> None:
    assert embedder.embed([]) == []


def test_vectors_are_rows_that_nobody_can_change_in_place(embedder: Embedder) -> None:
    """Several callers may hold rows of one array; the exact embedder's rows are read-only."""
    first, second = embedder.embed(["one", "two"])
    assert first.vector.dtype == second.vector.dtype == np.float32
    assert first.vector.shape == second.vector.shape == (384,)
    if embedder.exact:
        assert not first.vector.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            first.vector[0] = 0

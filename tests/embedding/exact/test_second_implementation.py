"""Another implementation, written from docs/embedding.md alone, computes the same bits."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from engram.embedding.files import ModelFiles
from tests.embedding.fused import fma
from tests.embedding.reference import Reference

TEXTS = [
    "",
    "a",
    "The ferry leaves at noon if the wind allows it.",
    "naïve café [MASK] 漢字 😀 привет",
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen",  # 16 pieces
    "A longer text, because sixteen lanes wrap: " + "the old captain painted a bridge",
]

FLOAT = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.floats(-8, 8, width=32),
    st.integers(-(2**24), 2**24).map(lambda n: n * 2.0**-149),  # subnormal
)


@st.composite
def almost_halfway(draw: st.DrawFn) -> tuple[float, float, float]:
    """a x b is just below half a unit of c: rounding by way of float64 would fall for the tie."""
    step = draw(st.integers(1, 90)) * 2.0**-23
    half = draw(st.sampled_from([1.0, -1.0])) * 2.0 ** draw(st.integers(-120, 90))
    c = draw(st.sampled_from([half, -half])) * (2**24 + 2 * draw(st.integers(0, 2**23 - 1)))
    return half * (1 + step), 1 - step, c


@pytest.fixture(scope="module")
def reference(model: ModelFiles) -> Reference:
    return Reference(model.weights)


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_the_document_gives_the_same_bits(
    reference: Reference, exact: Any, library: Tokenizer, text: str
) -> None:
    theirs = reference.embed(library.encode(text).ids)
    assert theirs.dtype == np.float32
    assert theirs.astype("<f4").tobytes() == exact.embed([text])[0]


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.tuples(FLOAT, FLOAT, FLOAT), almost_halfway()))
def test_the_fused_step_is_rounded_once(factors: tuple[float, float, float]) -> None:
    a, b, c = factors
    with np.errstate(over="ignore"):
        found = np.float32(fma(np.float32(a), np.float32(b), np.float32(c)))
    assume(np.isfinite(found))
    truth = Fraction(a) * Fraction(b) + Fraction(c)
    off = abs(Fraction(float(found)) - truth)
    for side in (-np.inf, np.inf):
        neighbour = np.nextafter(found, np.float32(side))
        if np.isfinite(neighbour):
            other = abs(Fraction(float(neighbour)) - truth)
            assert off < other or (off == other and found.view(np.uint32) % 2 == 0)

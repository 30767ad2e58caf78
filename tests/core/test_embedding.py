"""Embeddings at their limits, and as arrays."""

from __future__ import annotations

import base64
import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from engram.core.embedding import (
    from_base64,
    from_bytes,
    from_numbers,
    normalise,
    to_base64,
)
from engram.errors import InvalidEmbedding
from tests.core.strategies import embeddings


def along_first(length: float) -> list[float]:
    return [length] + [0.0] * 383


def accepts(rules: ModuleType, embedding: Any) -> bool:
    try:
        rules.embedding_bytes(embedding)
    except InvalidEmbedding:
        return False
    return True


def test_the_norm_has_bounds(rules: ModuleType) -> None:
    least = float(np.nextafter(np.float32(1e-12), np.float32(1)))
    most = float(np.nextafter(np.float32(1e12), np.float32(0)))
    for good in (least, 1.0, most, -most):
        assert accepts(rules, along_first(good)), good
    for bad in (0.0, -0.0, 9.9e-13, 1.01e12, 1e38):
        assert not accepts(rules, along_first(bad)), bad


def test_the_norm_is_compared_as_the_documented_sum(rules: ModuleType) -> None:
    """Around the bounds the order of summation decides; it is from the first component on."""
    rng = np.random.default_rng(5)
    decided = set()
    for _ in range(400):
        array = (rng.standard_normal(384)).astype(np.float32)
        array *= np.float32(1e12 / math.sqrt(float(np.sum(array.astype(np.float64) ** 2))))
        total = 0.0
        for component in array.tolist():
            total += component * component
        decided.add(total <= 1e24)
        assert accepts(rules, array) is (total <= 1e24)
    assert decided == {True, False}


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e39, 10**400])
@pytest.mark.parametrize("index", [0, 200, 383])
def test_what_is_not_finite_is_refused(rules: ModuleType, bad: float, index: int) -> None:
    values: list[float] = [1.0] * 384
    values[index] = bad
    with pytest.raises(InvalidEmbedding):
        rules.embedding_bytes(values)
    if isinstance(bad, float) and abs(bad) != 1e39:
        with pytest.raises(InvalidEmbedding, match=f"component {index} "):
            rules.embedding_bytes(np.array(values, np.float32))


@pytest.mark.parametrize("count", [0, 1, 383, 385, 768])
def test_the_dimension_is_fixed(rules: ModuleType, count: int) -> None:
    assert not accepts(rules, [1.0] * count)
    assert not accepts(rules, np.ones(count, np.float32))
    assert not accepts(rules, b"\x01" * count * 4)
    assert not accepts(rules, np.ones((1, 384), np.float32))


@pytest.mark.parametrize("bad", ["1", None, True, [1.0], 1j])
def test_components_are_numbers(rules: ModuleType, bad: Any) -> None:
    with pytest.raises(InvalidEmbedding, match="component 17 is"):
        rules.embedding_bytes([1.0] * 17 + [bad] + [1.0] * 366)


@given(embeddings())
def test_minus_zero_is_the_only_change(rules: ModuleType, embedding: Any) -> None:
    stored = np.frombuffer(rules.embedding_bytes(embedding), "<f4")
    assert np.array_equal(stored, embedding)
    assert not np.signbit(stored[stored == 0]).any()


@given(embeddings())
def test_base64_there_and_back(embedding: Any) -> None:
    text = to_base64(embedding)
    assert text == base64.b64encode(from_numbers(embedding).tobytes()).decode()
    assert from_base64(text).tobytes() == from_numbers(embedding).tobytes()


@pytest.mark.parametrize("change", ["short", "urlsafe", "space", "padding", "unicode"])
def test_other_base64_is_refused(change: str) -> None:
    text = to_base64(np.linspace(-1, 1, 384, dtype=np.float32))
    changed = {
        "short": text[:-4],
        "urlsafe": "-" + text[1:],
        "space": " " + text[1:],
        "padding": text[:-1] + "=",
        "unicode": "é" + text[1:],
    }[change]
    with pytest.raises(InvalidEmbedding):
        from_base64(changed)


def test_base64_of_a_bad_vector_is_refused() -> None:
    raw = np.full(384, np.nan, "<f4").tobytes()
    with pytest.raises(InvalidEmbedding):
        from_base64(base64.b64encode(raw).decode())


@given(embeddings())
def test_normalised_copies_have_unit_length(embedding: Any) -> None:
    before = embedding.tobytes()
    unit = normalise(embedding)
    assert unit.dtype == np.float32
    assert math.isclose(float(np.linalg.norm(unit.astype(np.float64))), 1.0, abs_tol=1e-6)
    assert embedding.tobytes() == before


def test_arrays_are_as_documented() -> None:
    array = from_numbers([1] * 384)
    assert array.dtype == np.float32
    assert array.shape == (384,)
    assert not array.flags.writeable
    assert from_bytes(array.tobytes()).tobytes() == array.tobytes()

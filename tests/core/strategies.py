"""What hypothesis draws for the rules: records good and bad, from every corner."""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from enum import StrEnum
from typing import Any

import numpy as np
from hypothesis import strategies as st

BELOW_2_53 = 2**53 - 1


class Colour(StrEnum):
    RED = "red"


class Loud(str):
    """A str that is not exactly a str."""


# Text that is likely to meet the escapes, the two sort orders and the JSON escapes.
letters = st.sampled_from(list('ab=:;\\"/\n\t\x00\x1f\x7fé～😀\u2028\ue000\uffff\U00010000 ,{}[]'))
texts = st.text(letters, max_size=8) | st.text(max_size=12)
keys = texts.filter(bool)
ties = st.sampled_from([1962539299388703.2, 5e-324, 2.0**-44, 2.0**-24, 9.5367431640625e-07, 1e-7])
numbers = (
    st.integers(-BELOW_2_53, BELOW_2_53)
    | st.floats(-BELOW_2_53, BELOW_2_53)
    | ties
    | st.floats(-1e-3, 1e-3)
)
scalars = st.none() | st.booleans() | numbers | texts


def json_values(levels: int) -> st.SearchStrategy[Any]:
    """JSON values with at most that many levels of arrays and objects."""
    if levels == 0:
        return scalars
    inside = json_values(levels - 1)
    arrays = st.lists(inside, max_size=3)
    return scalars | arrays | st.dictionaries(texts, inside, max_size=3)


metadata = st.dictionaries(keys, json_values(3), max_size=5)

surrogates = st.sampled_from(["\ud83d", "a\udc00b", "\ude00\ud83d"])
refused_numbers = [2**53, -(2**53), 2.0**53, 10**400, math.nan, math.inf, -math.inf, 1e300]
refused_types = [b"x", {1}, 1j, Colour.RED, Loud("x"), OrderedDict(a=1), object()]
numpy_scalars = [np.float64(1), np.float32(1), np.int64(1), np.str_("x"), np.bool_(True)]
refused_scalars = st.sampled_from([*refused_numbers, *refused_types, *numpy_scalars])
wild_keys = keys | surrogates | st.sampled_from(["", 1, None, b"a", Loud("a"), "text", (1,)])
wild_values: st.SearchStrategy[Any] = st.recursive(
    scalars | surrogates | refused_scalars,
    lambda inside: (
        st.lists(inside, max_size=2)
        | st.lists(inside, max_size=2).map(tuple)
        | st.dictionaries(wild_keys, inside, max_size=2)
    ),
    max_leaves=12,
)
long_texts = st.sampled_from(["é" * 8_192, "😀" * 8_193, "a" * 65_530, ";" * 32_766, ";" * 40_000])
wild_metadata: st.SearchStrategy[Any] = (
    st.dictionaries(wild_keys, wild_values | long_texts, max_size=4)
    | metadata
    | st.sampled_from([None, [], "x", 3, OrderedDict(), ("a", 1)])
)

BASE = np.linspace(-1.0, 1.0, 384)
components = st.floats(
    width=32, allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9
)
awkward = st.sampled_from(
    [-0.0, 1e-46, -1e-45, 3.4028235e38, 3.4028236e38, 1e39, math.nan, math.inf]
)
awkward_numbers = awkward | st.sampled_from(
    [10**400, True, None, "1", np.float32(1), 2**60 + 1, 1j]
)


@st.composite
def embeddings(draw: st.DrawFn) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Valid float32 embeddings."""
    array = (BASE * draw(st.floats(1e-9, 1e8))).astype(np.float32)
    for index, value in draw(st.dictionaries(st.integers(0, 383), components, max_size=4)).items():
        array[index] = value
    return array


@st.composite
def wild_embeddings(draw: st.DrawFn) -> Any:
    """Embeddings in every shape that a caller may try, many of them refused."""
    scale = draw(st.sampled_from([1.0, 1.0, 1.0, 1e-14, 1e13]))
    values: list[Any] = (BASE * scale).tolist()
    for index, value in draw(
        st.dictionaries(st.integers(0, 383), awkward_numbers, max_size=2)
    ).items():
        values[index] = value
    values = values[: draw(st.sampled_from([384] * 9 + [383, 0]))]
    shapes = draw(st.sampled_from([_GOOD_SHAPES, _GOOD_SHAPES, _BAD_SHAPES]))
    return draw(st.sampled_from(shapes))(values)


def _array(values: list[Any], dtype: str) -> Any:
    floats = [value if isinstance(value, float) else 0.5 for value in values]
    with np.errstate(over="ignore"):
        return np.array(floats, dtype=np.float64).astype(dtype)


_GOOD_SHAPES: list[Any] = [
    list,
    tuple,
    lambda values: _array(values, "<f4"),
    lambda values: _array(values, "<f8"),
    lambda values: _array(values, "<f4").tobytes(),
    lambda values: bytearray(_array(values, "<f4").tobytes()),
    lambda values: memoryview(_array(values, "<f4").tobytes()),
    lambda values: memoryview(_array(values, "<f8")),
    lambda values: np.repeat(_array(values, "<f4"), 2)[::2],
    lambda values: _array(values, "<f8")[::-1],
]
_BAD_SHAPES: list[Any] = [
    lambda values: _array(values, ">f4"),
    lambda values: _array(values, "<f2"),
    lambda values: _array(values, "<f4").reshape(1, -1),
    lambda values: np.arange(384),
    lambda values: np.array(values, dtype=object),
    lambda values: np.datetime64("2020-01-01"),
    lambda values: json.dumps(values[:2], default=str),
    lambda values: iter(values),
    lambda values: None,
]

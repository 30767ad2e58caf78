"""Groups of encoded items: all of them, in order, within the limits."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.errors import InvalidInput
from engram.sdk import items

contents = st.lists(st.binary(min_size=1, max_size=64), max_size=700)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(contents=contents)
def test_nothing_is_lost_moved_or_too_much(contents: list[bytes]) -> None:
    groups = list(items.grouped(((n, one), len(one)) for n, one in enumerate(contents)))
    assert [one for group in groups for one in group] == list(enumerate(contents))
    assert all(1 <= len(group) <= items.BATCH_ITEMS for group in groups)
    assert len(groups) == -(-len(contents) // items.BATCH_ITEMS)


@given(sizes=st.lists(st.integers(1, items.BATCH_BYTES + 1000), max_size=30))
def test_a_group_is_within_the_bytes_unless_one_item_alone_is_not(sizes: list[int]) -> None:
    groups = list(items.grouped(((n, size), size) for n, size in enumerate(sizes)))
    assert [number for group in groups for number, _ in group] == list(range(len(sizes)))
    for group in groups:
        assert len(group) == 1 or sum(size for _, size in group) <= items.BATCH_BYTES


@given(value=json_values)
def test_what_is_encoded_is_what_was_given(value: Any) -> None:
    try:
        encoded = items.encode(value)
    except InvalidInput:
        with pytest.raises(UnicodeEncodeError):
            json.dumps(value, ensure_ascii=False).encode()
    else:
        assert json.loads(encoded) == value

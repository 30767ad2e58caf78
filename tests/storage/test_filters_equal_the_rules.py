"""Columns decide every filter as the rules do, whatever the metadata holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.core.where import matches, parse_where
from engram.storage import columns
from engram.storage.columns import Columns
from engram.storage.filters import Filters
from engram.storage.rows import RowNumbers
from engram.storage.tokens import STRING, tokenise
from tests.core.strategies import scalars, texts

KEY = b"0123456789abcdef"
close_texts = st.builds(lambda n, tail: "prefix--"[:n] + tail, st.integers(0, 8), texts) | texts
wholes = st.lists(scalars, max_size=2) | st.dictionaries(texts, scalars, max_size=2)
values = scalars | close_texts | wholes
metadatas = st.lists(
    st.dictionaries(st.sampled_from(["a", "b", "c"]), values, max_size=3), min_size=1, max_size=8
)
operators = st.sampled_from(["$gt", "$gte", "$lt", "$lte"])
ordered = st.tuples(operators, close_texts | st.integers(-9, 9))
equal = st.tuples(st.sampled_from(["$eq", "$ne"]), values)
among = st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(values, max_size=3))
exists = st.tuples(st.just("$exists"), st.booleans())
terms = st.builds(
    lambda key, term: {key: {term[0]: term[1]}},
    st.sampled_from(["a", "b", "c"]),
    st.one_of(ordered, equal, among, exists),
)
clauses = st.recursive(
    terms,
    lambda inside: st.one_of(
        st.builds(lambda left, right: {"$and": [left, right]}, inside, inside),
        st.builds(lambda left, right: {"$or": [left, right]}, inside, inside),
        st.builds(lambda term: {"$not": term}, inside),
    ),
    max_leaves=4,
)


class Truth:
    """Metadata by row, counting what had to be fetched."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows
        self.fetched = 0

    def fetch(self, rows: RowNumbers) -> list[dict[str, Any] | None]:
        self.fetched += len(rows)
        return [self.rows[row] for row in rows.tolist()]


def columns_of(rows: list[dict[str, Any]], max_columns: int) -> Columns:
    made = Columns(KEY, max_columns)
    half = len(rows) // 2
    made.append(0, rows[:half])
    made.append(half, rows[half:])
    return made


@given(metadatas, clauses, st.integers(0, 3))
def test_masks_equal_matches(rows: list[dict[str, Any]], clause: Any, max_columns: int) -> None:
    where, truth = parse_where(clause), Truth(rows)
    made = columns_of(rows, max_columns)
    expected = [matches(where, metadata) for metadata in rows]
    assert made.mask(where, 0, len(rows), truth.fetch).tolist() == expected
    split = len(rows) // 3
    assert made.mask(where, split, len(rows), truth.fetch).tolist() == expected[split:]


@given(metadatas, clauses, st.data())
def test_kept_rows_keep_their_answers(rows: list[dict[str, Any]], clause: Any, data: Any) -> None:
    where = parse_where(clause)
    flags = st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))
    kept = np.array(data.draw(flags), np.bool_)
    fewer = [metadata for metadata, keep in zip(rows, kept, strict=True) if keep]
    made = columns_of(rows, 2).kept(kept)
    expected = [matches(where, metadata) for metadata in fewer]
    assert made.mask(where, 0, len(fewer), Truth(fewer).fetch).tolist() == expected


@given(close_texts, close_texts)
def test_the_order_of_tokens_never_contradicts_the_order_of_strings(left: str, right: str) -> None:
    first, second = tokenise(left, KEY), tokenise(right, KEY)
    assert first.kind == second.kind == STRING
    assert (first.token == second.token) == (left == right)
    if left < right:
        assert first.order <= second.order


numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53) + 1, 2**53 - 1)


@given(numbers, numbers)
def test_the_order_of_tokens_is_the_order_of_numbers(left: float, right: float) -> None:
    first, second = tokenise(left, KEY), tokenise(right, KEY)
    assert (first.order < second.order) == (left < right)
    assert (first == second) == (left == right)


def test_a_filter_is_decided_once_per_row() -> None:
    rows = [{"s": f"prefix--{n}"} for n in range(20)]
    made, truth = columns_of(rows, 4), Truth(rows)
    filters, where = Filters(made, truth.fetch), parse_where({"s": {"$gt": "prefix--15"}})
    assert np.count_nonzero(filters.mask(where, 10)) == 8
    assert truth.fetched == 10
    for _ in range(2):
        assert np.count_nonzero(filters.mask(where, 20)) == 12
        assert truth.fetched == 19  # all but the operand itself, which its token decides


def test_equality_and_numbers_never_ask_the_truth() -> None:
    rows = [{"s": str(n), "n": n, "l": [n]} for n in range(20)]
    truth = Truth(rows)
    for clause in ({"s": "7"}, {"n": {"$gte": 7}}, {"l": [7]}, {"s": {"$nin": ["7", "8"]}}):
        columns_of(rows, 4).mask(parse_where(clause), 0, 20, truth.fetch)
    assert truth.fetched == 0


def test_more_keys_than_columns_are_still_right() -> None:
    rows: list[dict[str, Any]] = [{f"k{n}": n, "common": n % 3} for n in range(60)]
    truth = Truth(rows)
    made = columns_of(rows, 10)
    for clause in ({"k50": 50}, {"k50": {"$ne": 50}}, {"k50": {"$exists": False}}, {"common": 1}):
        where = parse_where(clause)
        expected = [matches(where, metadata) for metadata in rows]
        assert made.mask(where, 0, 60, truth.fetch).tolist() == expected
    assert len(made.arrays(60)[0]) == 10


def test_the_number_of_columns_is_bounded() -> None:
    assert columns.MAX_COLUMNS == 1_024


@pytest.mark.parametrize("value", [2**53 + 1, -(2**60), 1e300])
def test_operands_that_no_record_can_hold_are_harmless(value: float) -> None:
    rows = [{"n": -5}, {"n": 2**53 - 1}]
    for op in ("$eq", "$gt", "$lte"):
        where = parse_where({"n": {op: value}})
        expected = [matches(where, metadata) for metadata in rows]
        assert columns_of(rows, 4).mask(where, 0, 2, Truth(rows).fetch).tolist() == expected

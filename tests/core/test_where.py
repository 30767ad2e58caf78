"""Filters against an oracle that works on the clause itself."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.core.where import MAX_DEPTH, All, Compare, matches, parse_where
from engram.errors import InvalidWhere

keys = st.sampled_from(["a", "b", "c"])
scalars = st.sampled_from([None, True, False, 0, 1, 1.0, -0.0, 2.5, "", "1", "a", "～", "😀"])
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inside: st.lists(inside, max_size=2) | st.dictionaries(keys, inside, max_size=2),
    max_leaves=4,
)
subjects = st.dictionaries(keys, values, max_size=3)
orderable = scalars.filter(lambda value: value is not None and not isinstance(value, bool))
operators = st.fixed_dictionaries(
    {},
    optional={
        "$eq": values,
        "$ne": values,
        "$in": st.lists(values, max_size=3),
        "$nin": st.lists(values, max_size=3),
        "$exists": st.booleans(),
        **dict.fromkeys(["$gt", "$gte", "$lt", "$lte"], orderable),
    },
).filter(bool)
fields = st.dictionaries(keys, values | operators, max_size=2)
clauses: st.SearchStrategy[Any] = st.recursive(
    fields,
    lambda inside: (
        st.fixed_dictionaries({"$not": inside})
        | st.fixed_dictionaries({"$and": st.lists(inside, min_size=1, max_size=3)})
        | st.fixed_dictionaries({"$or": st.lists(inside, min_size=1, max_size=3)})
        | st.builds(lambda one, other: one | other, inside, fields)
    ),
    max_leaves=5,
)


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, (int, float)) else type(value).__name__


def same(one: Any, other: Any) -> bool:
    if kind(one) != kind(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def holds(op: str, operand: Any, key: str, subject: dict[str, Any]) -> bool:
    there = key in subject
    value = subject.get(key)
    if op == "$exists":
        return there is operand
    if op in ("$ne", "$nin"):
        return not holds({"$ne": "$eq", "$nin": "$in"}[op], operand, key, subject)
    if op == "$in":
        return there and any(same(value, member) for member in operand)
    if not there or kind(value) != kind(operand):
        return False
    if op == "$eq":
        return same(value, operand)
    if isinstance(value, str):
        value, operand = value.encode(), operand.encode()
    below, equal = bool(value < operand), bool(value == operand)
    answers = {"$lt": below, "$lte": below or equal, "$gte": not below, "$gt": not (below or equal)}
    return answers[op]


def oracle(clause: dict[str, Any], subject: dict[str, Any]) -> bool:
    def entry(key: str, value: Any) -> bool:
        if key == "$and":
            return all(oracle(term, subject) for term in value)
        if key == "$or":
            return any(oracle(term, subject) for term in value)
        if key == "$not":
            return not oracle(value, subject)
        if isinstance(value, dict) and value and all(name[:1] == "$" for name in value):
            return all(holds(op, operand, key, subject) for op, operand in value.items())
        return holds("$eq", value, key, subject)

    return all(entry(key, value) for key, value in clause.items())


@given(clauses, subjects)
def test_the_filter_agrees_with_the_oracle(clause: dict[str, Any], subject: dict[str, Any]) -> None:
    assert matches(parse_where(clause), subject) is oracle(clause, subject)


@given(clauses, subjects)
def test_not_is_plain_negation(clause: dict[str, Any], subject: dict[str, Any]) -> None:
    where = parse_where(clause)
    assert matches(parse_where({"$and": [clause]}), subject) is matches(where, subject)
    negated = parse_where({"a": {"$not": {"$gte": 1}}})
    assert matches(negated, subject) is not matches(parse_where({"a": {"$gte": 1}}), subject)


def test_the_designed_example() -> None:
    where = parse_where({"page": {"$gte": 3}, "source": "arxiv"})
    assert matches(where, {"page": 3, "source": "arxiv", "more": 1})
    assert not matches(where, {"page": 2.9, "source": "arxiv"})
    assert not matches(where, {"page": "3", "source": "arxiv"})
    assert not matches(where, {"source": "arxiv"})


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ({"a": {"$ne": 1}}, True),
        ({"a": {"$nin": [1]}}, True),
        ({"a": {"$exists": False}}, True),
        ({"a": None}, False),
        ({"a": {"$eq": None}}, False),
        ({"a": {"$lt": 1}}, False),
        ({"a": {"$in": [None]}}, False),
        ({"$not": {"a": 1}}, True),
        ({}, True),
    ],
)
def test_a_missing_key(clause: dict[str, Any], expected: bool) -> None:
    assert matches(parse_where(clause), {"b": 1}) is expected


def test_an_object_is_operators_only_if_all_its_keys_say_so() -> None:
    assert matches(parse_where({"a": {}}), {"a": {}})
    assert matches(parse_where({"a": {"$gt": 1, "b": 2}}), {"a": {"$gt": 1, "b": 2}})
    assert matches(parse_where({"a": {"$eq": {"$gt": 1}}}), {"a": {"$gt": 1}})


@pytest.mark.parametrize("bad", [math.nan, math.inf, 10**400, "\ud800", {"\ud800": 1}, {1: 2}, {3}])
@pytest.mark.parametrize("op", ["$eq", "$ne", "$in", "$gt"])
def test_operands_are_json(op: str, bad: Any) -> None:
    with pytest.raises(InvalidWhere):
        parse_where({"a": {op: [bad] if op == "$in" else bad}})


def nested(levels: int) -> dict[str, Any]:
    clause: dict[str, Any] = {"a": 1}
    for _ in range(levels - 1):
        clause = {"$not": clause}
    return clause


def test_depth_is_bounded() -> None:
    parse_where(nested(MAX_DEPTH))
    for levels in (MAX_DEPTH + 1, 900):
        with pytest.raises(InvalidWhere, match="deeper"):
            parse_where(nested(levels))
    with pytest.raises(InvalidWhere, match="deeper"):
        parse_where({"a": nested(20) | {"$not": nested(20)}} | {"$not": nested(8)})


def test_the_number_of_terms_is_bounded() -> None:
    parse_where({str(index): index for index in range(64)})
    with pytest.raises(InvalidWhere, match="64"):
        parse_where({str(index): index for index in range(65)})
    with pytest.raises(InvalidWhere, match="64"):
        parse_where({"$or": [{"a": {"$gt": 1, "$lt": 2}}] * 33})
    with pytest.raises(InvalidWhere, match="64"):
        parse_where({"$and": [{"$or": [{}] * 9}] * 9})


def test_the_tree_is_what_a_store_compiles() -> None:
    where = parse_where({"a": 1, "b": {"$gt": "x"}})
    assert isinstance(where, All)
    first, second = where.terms
    assert first == Compare("a", "$eq", 1, frozenset({1}))
    assert second == Compare("b", "$gt", "x", frozenset())
    assert hash(where) == hash(parse_where({"a": 1.0, "b": {"$gt": "x"}}))

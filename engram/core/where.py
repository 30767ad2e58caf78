"""Filters on metadata (docs/protocol.md section 5): parse once, then match or compile.

    {"page": {"$gte": 3}, "source": "arxiv"}
    {"$or": [{"lang": "de"}, {"$not": {"tags": {"$exists": True}}}]}

``parse_where`` turns a clause into a frozen tree of Compare, Exists, All, Either and Not, which
is all that a store has to understand.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

from engram.core.limits import MAX_METADATA_DEPTH
from engram.errors import InvalidWhere

MAX_DEPTH = 8  # of $and, $or and $not inside each other; the outermost clause is 1
MAX_TERMS = 64  # comparisons and empty clauses in the whole clause
MAX_MEMBERS = 1_000  # values of one $in or $nin
_NAME_LENGTH = 40  # of a key inside an error message

Operator = Literal["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin"]
_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": lambda left, right: left > right,
    "$gte": lambda left, right: left >= right,
    "$lt": lambda left, right: left < right,
    "$lte": lambda left, right: left <= right,
}


@dataclass(frozen=True, slots=True)
class Compare:
    """The value under ``key`` against ``operand``.

    The operand is a number or string for $gt, $gte, $lt and $lte, a tuple of JSON values for $in
    and $nin, any JSON value otherwise. A missing key matches only $ne and $nin.
    """

    key: str
    op: Operator
    operand: Any
    identities: frozenset[Any]
    """``identity`` of the operand, or of each member of $in and $nin; empty when ordered."""


@dataclass(frozen=True, slots=True)
class Exists:
    """Whether the metadata has ``key`` at all; a null counts as there."""

    key: str
    expected: bool


@dataclass(frozen=True, slots=True)
class All:
    """Every term matches; so no terms match everything."""

    terms: tuple[Where, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one term matches."""

    terms: tuple[Where, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Plain negation of the term."""

    term: Where


Where = Compare | Exists | All | Either | Not


def parse_where(clause: Any) -> Where:
    """The tree of a clause. Raises InvalidWhere, naming the key or operator."""
    parsed = _clause(clause, depth=1)
    if _count_terms(parsed) > MAX_TERMS:
        raise InvalidWhere(f"where holds more than {MAX_TERMS} comparisons")
    return parsed


def matches(where: Where, metadata: dict[str, Any]) -> bool:
    """Whether a valid metadata object satisfies the filter."""
    match where:
        case Compare():
            return _compare(where, metadata)
        case Exists(key, expected):
            return (key in metadata) is expected
        case All(terms):
            return all(matches(term, metadata) for term in terms)
        case Either(terms):
            return any(matches(term, metadata) for term in terms)
        case Not(term):
            return not matches(term, metadata)


def identity(value: Any) -> Any:
    """A hashable stand-in: two JSON values are equal exactly if their identities are.

    Numbers compare by value (1 is 1.0), a bool is no number, arrays by order, objects by pairs.
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, dict):
        return ("object", frozenset((key, identity(item)) for key, item in value.items()))
    if isinstance(value, (list, tuple)):
        return ("array", tuple(identity(item) for item in value))
    return value  # a number never equals a string


def ordered(op: str, value: Any, operand: Any) -> bool:
    """``value op operand`` for $gt, $gte, $lt and $lte; False across JSON types.

    Strings order by code point, which is also the order of their UTF-8 bytes.
    """
    return _is_number(value) == _is_number(operand) and (
        (_is_number(value) or isinstance(value, str)) and _ORDERED[op](value, operand)
    )


def _compare(term: Compare, metadata: dict[str, Any]) -> bool:
    negative = term.op in ("$ne", "$nin")
    if term.key not in metadata:
        return negative
    value = metadata[term.key]
    if term.op in _ORDERED:
        return ordered(term.op, value, term.operand)
    return (identity(value) in term.identities) is not negative


def _clause(clause: Any, depth: int) -> Where:
    if type(clause) is not dict:
        raise InvalidWhere(f"a where clause must be an object, not {type(clause).__name__}")
    if depth > MAX_DEPTH:
        raise InvalidWhere(f"where nests deeper than {MAX_DEPTH} levels")
    terms = [_entry(key, value, depth) for key, value in clause.items()]
    return terms[0] if len(terms) == 1 else All(tuple(terms))


def _entry(key: Any, value: Any, depth: int) -> Where:
    _require_text(key)
    if key in ("$and", "$or"):
        return _group(key, value, depth)
    if key == "$not":
        return Not(_clause(value, depth + 1))
    if key.startswith("$"):
        raise InvalidWhere(f"unknown operator {_name(key)} where $and, $or, $not or a key belongs")
    return _field(key, value, depth)


def _group(key: str, clauses: Any, depth: int) -> Where:
    if type(clauses) not in (list, tuple) or not clauses:
        raise InvalidWhere(f"{key} takes a non-empty array of clauses")
    if len(clauses) > MAX_TERMS:
        raise InvalidWhere(f"{key} holds more than {MAX_TERMS} clauses")
    terms = tuple(_clause(clause, depth + 1) for clause in clauses)
    return All(terms) if key == "$and" else Either(terms)


def _field(key: str, value: Any, depth: int) -> Where:
    if not _is_operators(value):
        return _comparison(key, "$eq", value, depth)
    terms = [_comparison(key, op, operand, depth) for op, operand in value.items()]
    return terms[0] if len(terms) == 1 else All(tuple(terms))


def _is_operators(value: Any) -> bool:
    """An object whose keys all start with $ holds operators; any other is a literal."""
    return (
        type(value) is dict
        and len(value) > 0
        and all(isinstance(key, str) and key.startswith("$") for key in value)
    )


def _comparison(key: str, op: str, operand: Any, depth: int) -> Where:
    if op in ("$eq", "$ne"):
        return Compare(key, cast(Operator, op), operand, frozenset({_literal(key, operand)}))
    if op in ("$in", "$nin"):
        return _membership(key, cast(Operator, op), operand)
    if op == "$exists":
        if type(operand) is not bool:
            raise InvalidWhere(f"$exists on {_name(key)} takes true or false")
        return Exists(key, operand)
    if op == "$not":
        return _negated_field(key, operand, depth + 1)
    if op in _ORDERED:
        return _ordering(key, cast(Operator, op), operand)
    raise InvalidWhere(f"unknown operator {_name(op)} on {_name(key)}")


def _membership(key: str, op: Operator, members: Any) -> Where:
    if type(members) not in (list, tuple):
        raise InvalidWhere(f"{op} on {_name(key)} takes an array")
    if len(members) > MAX_MEMBERS:
        raise InvalidWhere(f"{op} on {_name(key)} holds more than {MAX_MEMBERS} values")
    identities = frozenset(_literal(key, member) for member in members)
    return Compare(key, op, tuple(members), identities)


def _negated_field(key: str, operand: Any, depth: int) -> Where:
    if depth > MAX_DEPTH:
        raise InvalidWhere(f"where nests deeper than {MAX_DEPTH} levels")
    if not _is_operators(operand):
        raise InvalidWhere(f"$not on {_name(key)} takes operators; $ne compares with a value")
    return Not(_field(key, operand, depth))


def _ordering(key: str, op: Operator, operand: Any) -> Where:
    if not (_is_number(operand) or isinstance(operand, str)):
        raise InvalidWhere(f"{op} on {_name(key)} takes a number or a string")
    _literal(key, operand)
    return Compare(key, op, operand, frozenset())


def _literal(key: str, value: Any) -> Any:
    """The identity of an operand that is a JSON value."""
    _require_json(key, value, depth=2)
    return identity(value)


def _require_json(key: str, value: Any, depth: int) -> None:
    kind = type(value)
    if kind is str:
        _require_text(value)
    elif kind is int or kind is float:
        _require_finite(key, value)
    elif kind is dict or kind is list or kind is tuple:
        _require_container(key, value, depth)
    elif not (value is None or kind is bool):
        raise InvalidWhere(f"{_name(key)} is compared with {kind.__name__}, which is not JSON")


def _require_container(key: str, value: Any, depth: int) -> None:
    if depth > MAX_METADATA_DEPTH:
        raise InvalidWhere(f"the value for {_name(key)} nests deeper than metadata can")
    if type(value) is dict:
        for name in value:
            _require_text(name)
    for item in value.values() if type(value) is dict else value:
        _require_json(key, item, depth + 1)


def _require_finite(key: str, number: int | float) -> None:
    try:
        finite = math.isfinite(number)
    except OverflowError:
        finite = False
    if not finite:
        raise InvalidWhere(f"{_name(key)} is compared with a number that is not a finite binary64")


def _require_text(text: Any) -> None:
    if type(text) is not str:
        raise InvalidWhere(f"where has a key of type {type(text).__name__}, not a string")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidWhere("where holds a lone surrogate, which UTF-8 cannot carry") from None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _count_terms(where: Where) -> int:
    match where:
        case All(terms) | Either(terms):
            return max(1, sum(map(_count_terms, terms)))
        case Not(term):
            return _count_terms(term)
        case _:
            return 1


def _name(key: str) -> str:
    return repr(key if len(key) <= _NAME_LENGTH else key[:_NAME_LENGTH] + "…")

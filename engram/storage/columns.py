"""Metadata in memory, one column per top-level key, for filters that act during the search."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engram.core.where import All, Compare, Either, Exists, Not, Where, matches
from engram.storage.growing import Growing
from engram.storage.rows import Mask, RowNumbers
from engram.storage.tokens import NUMBER, Token, tokenise

Fetch = Callable[[RowNumbers], "list[dict[str, Any] | None]"]
"""Reads the metadata of rows from the truth; None for a row that is gone or damaged."""

MAX_COLUMNS = 1_024  # keys beyond these are looked up in the truth: slower, as right

_COMPARE = {"$gt": np.greater, "$gte": np.greater, "$lt": np.less, "$lte": np.less}


class ColumnArrays(NamedTuple):
    """One column as a snapshot keeps it: the rows that have the key, and their tokens."""

    row: NDArray[np.int32]
    kind: NDArray[np.uint8]
    token: NDArray[np.uint64]
    order: NDArray[np.uint64]


class Column:
    """The tokens of one key, for the rows that have it, in row order."""

    def __init__(self, arrays: ColumnArrays | None = None) -> None:
        dtypes = (np.int32, np.uint8, np.uint64, np.uint64)
        self._parts = (
            [Growing.of(part) for part in arrays] if arrays else [Growing(d) for d in dtypes]
        )

    def extend(self, rows: Sequence[int], tokens: Sequence[Token]) -> None:
        """Append tokens; the row numbers go last, because readers trust them."""
        row, *rest = self._parts
        for part, values in zip(rest, zip(*tokens, strict=True), strict=True):
            part.extend(np.array(values, part.view().dtype))
        row.extend(rows)

    def between(self, low: int, high: int) -> ColumnArrays:
        """What rows low..high-1 have."""
        rows = self._parts[0].view()
        start, end = np.searchsorted(rows, (low, high))
        return ColumnArrays(*(part.view(len(rows))[start:end] for part in self._parts))


class Columns:
    """All columns. One thread appends; any thread evaluates filters over complete rows."""

    def __init__(self, key: bytes, max_columns: int = MAX_COLUMNS) -> None:
        self._key = key
        self._max_columns = max_columns
        self._columns: dict[str, Column] = {}
        self._overflow = Growing(np.int64)  # rows with a key that has no column

    @classmethod
    def of(cls, columns: dict[str, ColumnArrays], overflow: RowNumbers, key: bytes) -> Columns:
        """Columns that start with these arrays, which they take over."""
        made = cls(key)
        made._columns = {name: Column(arrays) for name, arrays in columns.items()}
        made._overflow = Growing.of(overflow)
        return made

    def append(self, first_row: int, metadatas: Sequence[dict[str, Any]]) -> None:
        """Index the metadata of the rows from ``first_row`` on."""
        fresh: defaultdict[str, tuple[list[int], list[Token]]] = defaultdict(lambda: ([], []))
        overflow: list[int] = []
        for row, metadata in enumerate(metadatas, first_row):
            for name, value in metadata.items():
                if name in self._columns or name in fresh or self._has_room(fresh):
                    rows, tokens = fresh[name]
                    rows.append(row)
                    tokens.append(tokenise(value, self._key))
                elif not overflow or overflow[-1] != row:
                    overflow.append(row)
        for name, (rows, tokens) in fresh.items():
            column = self._columns.get(name) or Column()
            column.extend(rows, tokens)
            self._columns[name] = column
        self._overflow.extend(overflow)

    def arrays(self, count: int) -> tuple[dict[str, ColumnArrays], RowNumbers]:
        """The columns over the first ``count`` rows, and the overflowing rows; views."""
        columns = {name: column.between(0, count) for name, column in self._columns.items()}
        overflow = self._overflow.view()
        return columns, overflow[: np.searchsorted(overflow, count)]

    def kept(self, rows: Mask) -> Columns:
        """The columns of only these rows (one flag each), renumbered."""
        renumbered = np.cumsum(rows) - 1
        columns, overflow = self.arrays(len(rows))
        fewer = {}
        for name, arrays in columns.items():
            stay = rows[arrays.row]
            row = renumbered[arrays.row[stay]].astype(np.int32)
            fewer[name] = ColumnArrays(
                row, arrays.kind[stay], arrays.token[stay], arrays.order[stay]
            )
        return Columns.of(fewer, renumbered[overflow[rows[overflow]]], self._key)

    def mask(self, where: Where, low: int, high: int, fetch: Fetch) -> Mask:
        """Which of the rows low..high-1 match; bool, shape (high - low,)."""
        match where:
            case All(terms):
                mask = np.ones(high - low, np.bool_)
                for term in terms:
                    mask &= self.mask(term, low, high, fetch)
                return mask
            case Either(terms):
                mask = np.zeros(high - low, np.bool_)
                for term in terms:
                    mask |= self.mask(term, low, high, fetch)
                return mask
            case Not(term):
                return ~self.mask(term, low, high, fetch)
            case _:
                return self._leaf(where, low, high, fetch)

    def _has_room(self, fresh: dict[str, Any]) -> bool:
        added = sum(name not in self._columns for name in fresh)
        return len(self._columns) + added < self._max_columns

    def _leaf(self, leaf: Compare | Exists, low: int, high: int, fetch: Fetch) -> Mask:
        mask = np.zeros(high - low, np.bool_)
        column = self._columns.get(leaf.key)
        if column is None:
            self._match_overflow(leaf, low, mask, fetch)
        else:
            found = column.between(low, high)
            certain, unsure = self._compare(leaf, found)
            mask[found.row[certain] - low] = True
            _match_fetched(leaf, found.row[unsure].astype(np.int64), low, mask, fetch)
        return ~mask if _is_negative(leaf) else mask

    def _match_overflow(self, leaf: Compare | Exists, low: int, mask: Mask, fetch: Fetch) -> None:
        rows = self._overflow.view()
        start, end = np.searchsorted(rows, (low, low + len(mask)))
        _match_fetched(leaf, rows[start:end], low, mask, fetch)

    def _compare(self, leaf: Compare | Exists, found: ColumnArrays) -> tuple[Mask, Mask]:
        """Which items match the positive form of the leaf for certain, and which may."""
        if isinstance(leaf, Exists):
            return np.ones(len(found.row), np.bool_), np.zeros(len(found.row), np.bool_)
        if leaf.op in _COMPARE:
            return _ordered(leaf, found, tokenise(leaf.operand, self._key))
        operands = leaf.operand if leaf.op in ("$in", "$nin") else (leaf.operand,)
        return self._equal(operands, found), np.zeros(len(found.row), np.bool_)

    def _equal(self, operands: Sequence[Any], found: ColumnArrays) -> Mask:
        wanted: defaultdict[int, set[int]] = defaultdict(set)
        for operand in operands:
            token = tokenise(operand, self._key)
            wanted[token.kind].add(token.token)
        equal = np.zeros(len(found.row), np.bool_)
        for kind, tokens in wanted.items():
            members = np.array(list(tokens), np.uint64)
            among = (
                found.token == members[0] if len(members) == 1 else np.isin(found.token, members)
            )
            equal |= among & (found.kind == kind)
        return equal


def _ordered(leaf: Compare, found: ColumnArrays, wanted: Token) -> tuple[Mask, Mask]:
    same_kind = found.kind == wanted.kind
    operand = np.uint64(wanted.order)
    certain = _COMPARE[leaf.op](found.order, operand) & same_kind
    tied = (found.order == operand) & same_kind
    equal = tied & (found.token == np.uint64(wanted.token))
    if leaf.op in ("$gte", "$lte"):
        certain |= equal
    if wanted.kind == NUMBER:
        return certain, np.zeros(len(certain), np.bool_)
    return certain, tied & ~equal


def _match_fetched(
    leaf: Compare | Exists, rows: RowNumbers, low: int, mask: Mask, fetch: Fetch
) -> None:
    """Decide rows by their metadata in the truth, where tokens cannot tell."""
    if not len(rows):
        return
    positive = _positive(leaf)
    for row, metadata in zip(rows.tolist(), fetch(rows), strict=True):
        mask[row - low] = metadata is not None and matches(positive, metadata)


def _positive(leaf: Compare | Exists) -> Compare | Exists:
    if isinstance(leaf, Exists):
        return Exists(leaf.key, True)
    if leaf.op == "$ne":
        return Compare(leaf.key, "$eq", leaf.operand, leaf.identities)
    if leaf.op == "$nin":
        return Compare(leaf.key, "$in", leaf.operand, leaf.identities)
    return leaf


def _is_negative(leaf: Compare | Exists) -> bool:
    return not leaf.expected if isinstance(leaf, Exists) else leaf.op in ("$ne", "$nin")

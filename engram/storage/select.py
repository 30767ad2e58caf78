"""Statements over many keys or rows, in a few sizes, so that each is prepared once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from sqlite3 import Connection
from typing import Any

KEYS_PER_QUERY = (1, 4, 16, 64, 256)


def select(connection: Connection, query: str, keys: Sequence[Any], *first: Any) -> list[Any]:
    """All rows of a query whose ``{}`` stands for the keys of an IN.

    ``first`` are the parameters that come before the keys.
    """
    found: list[Any] = []
    for padded in in_sizes(keys):
        places = ",".join("?" * len(padded))
        found += connection.execute(query.format(places), (*first, *padded)).fetchall()
    return found


def change(connection: Connection, statement: str, keys: Sequence[Any], *first: Any) -> int:
    """Run a statement as ``select`` does; how many rows it changed."""
    changed = 0
    for padded in in_sizes(keys):
        places = ",".join("?" * len(padded))
        changed += connection.execute(statement.format(places), (*first, *padded)).rowcount
    return changed


def in_sizes(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The keys in pieces of few sizes.

    The last key stands in for the missing ones: IN does not mind.
    """
    for start in range(0, len(keys), KEYS_PER_QUERY[-1]):
        piece = keys[start : start + KEYS_PER_QUERY[-1]]
        size = next(size for size in KEYS_PER_QUERY if size >= len(piece))
        yield [*piece, *[piece[-1]] * (size - len(piece))]


def pieces(items: Sequence[Any], sizes: Sequence[int]) -> Iterator[Sequence[Any]]:
    """Consecutive pieces of the given sizes only, largest first; the last size is 1."""
    start = 0
    for size in sizes:
        while len(items) - start >= size:
            yield items[start : start + size]
            start += size

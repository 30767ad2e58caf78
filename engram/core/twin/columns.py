"""Columns of a batch: exactly lists or tuples, so that both sides read the same items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engram.errors import InvalidInput


def column_of(name: str, value: Any, length: int | None = None) -> Sequence[Any]:
    """The value as it is; raises InvalidInput unless it is a list or tuple of that length."""
    if type(value) not in (list, tuple):
        raise InvalidInput(f"{name} must be a list, not {type(value).__name__}")
    column: Sequence[Any] = value
    if length is not None and len(column) != length:
        raise InvalidInput(f"{len(column)} {name} for {length} embeddings")
    return column

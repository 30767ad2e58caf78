"""Choices that are the same on every machine and in every version of Python."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """Numbers from SHA-256 over a name and a counter."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0

    def below(self, limit: int) -> int:
        """0..limit-1."""
        self._count += 1
        digest = sha256(f"{self._name}/{self._count}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % limit

    def one(self, items: Sequence[T]) -> T:
        return items[self.below(len(items))]

    def many(self, items: Sequence[T], count: int) -> list[T]:
        return [self.one(items) for _ in range(count)]

"""Batches: many requests in one body, one outcome for each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from engram.errors import EngramError
from engram.miner.draft import Attempt, Json, attempt
from engram.miner.node import Node
from engram.net.decode import Decoded, decode, from_value
from engram.net.errors import error_body
from engram.protocol import Message

M = TypeVar("M", bound=Message)
Many = Callable[[Sequence[Attempt[M]]], Awaitable[list[Attempt[Json]]]]


class Batch(Generic[M]):
    """Runs ``many`` over items that are each decoded as a ``model`` of their own."""

    def __init__(self, node: Node, model: type[M], many: Many[M]) -> None:
        self.node = node
        self.model = model
        self.many = many

    async def values(self, items: Sequence[Any]) -> list[Json]:
        """Outcomes of parsed JSON values. Raises only what concerns the batch as a whole."""
        return await self._outcomes(await self.node.bulk.run(decode_values, items, self.model))

    async def lines(self, lines: Sequence[bytes]) -> list[Json]:
        """Outcomes of NDJSON lines. Raises only what concerns the batch as a whole."""
        return await self._outcomes(await self.node.bulk.run(decode_lines, lines, self.model))

    async def _outcomes(self, items: list[Attempt[Decoded[M]]]) -> list[Json]:
        requests = [item.message if isinstance(item, Decoded) else item for item in items]
        outcomes = await self.many(requests)
        return [outcome_reply(*pair) for pair in zip(items, outcomes, strict=True)]


def decode_values(items: Sequence[Any], model: type[M]) -> list[Attempt[Decoded[M]]]:
    """Validate each value; an error stays in its item's place."""
    return [attempt(partial(from_value, model=model), item) for item in items]


def decode_lines(lines: Sequence[bytes], model: type[M]) -> list[Attempt[Decoded[M]]]:
    """Parse and validate each line; an error stays in its line's place."""
    return [attempt(partial(decode, model=model), line) for line in lines]


def outcome_reply(item: Attempt[Decoded[M]], outcome: Attempt[Json]) -> Json:
    """What the caller reads for one item."""
    if isinstance(outcome, EngramError):
        return error_body(outcome)
    if isinstance(item, Decoded) and item.warnings:
        outcome["warnings"] += item.warnings
    return outcome

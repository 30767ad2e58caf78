"""Digest ranges as they travel, and as the rules see them."""

from __future__ import annotations

import numpy as np

from engram.core.limits import HASH_BYTES
from engram.core.ranges import Digests, Span, Verdict
from engram.errors import InvalidInput
from engram.protocol.nodes import Range, RangeAnswer


def as_range(span: Span) -> Range:
    return Range(
        low=bound(span.low),
        high=None if span.high is None else bound(span.high),
        count=span.count,
        fingerprint=span.fingerprint.hex(),
    )


def as_span(message: Range) -> Span:
    """Raises InvalidInput if it ends before it begins."""
    low = digest(message.low)
    high = None if message.high is None else digest(message.high)
    if high is not None and high < low:
        raise InvalidInput("A range ends before it begins.")
    return Span(low, high, message.count, bytes.fromhex(message.fingerprint))


def bound(value: bytes) -> str:
    """A bound without the zeros at its end."""
    return value.rstrip(b"\0").hex()


def digest(value: str) -> bytes:
    return bytes.fromhex(value).ljust(HASH_BYTES, b"\0")


def as_answer(verdict: Verdict) -> RangeAnswer:
    held = None if verdict.held is None else [row.tobytes().hex() for row in verdict.held]
    return RangeAnswer(
        same=verdict.same, parts=[as_range(part) for part in verdict.parts], held=held
    )


def as_verdict(answer: RangeAnswer) -> Verdict:
    """Raises InvalidInput."""
    parts = tuple(as_span(part) for part in answer.parts)
    held = None if answer.held is None else packed(answer.held)
    return Verdict(answer.same, parts, held)


def packed(digests: list[str]) -> Digests:
    """Digests in the order in which they came, shape (n, 32)."""
    return np.frombuffer(bytes.fromhex("".join(digests)), np.uint8).reshape(-1, HASH_BYTES)


def cids_of(digests: Digests) -> list[str]:
    """The CIDs that end in these digests; a microsecond each."""
    return [f"v1::{row.tobytes().hex()}" for row in digests]

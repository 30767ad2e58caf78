"""How Arweave cuts data into chunks, and proves that a chunk lies at its place in the whole.

The tree's leaves are chunks, each under the offset at which it ends; a branch notes where its left
half ends. So a path from the root fixes both the bytes of a chunk and where they begin and end.
Source: ``ar_merkle.erl`` of the Arweave node, and the transaction format 2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

CHUNK_BYTES = 256 * 1024
LEAST_CHUNK_BYTES = 32 * 1024  # a shorter last chunk shares evenly with the one before
NOTE_BYTES = 32  # an offset, big-endian
HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of the data from ``start`` to below ``end``."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk and the path that proves it."""

    span: Span
    path: bytes

    @property
    def offset(self) -> int:
        """Of its last byte: what a gateway calls the chunk's offset."""
        return self.span.end - 1


def spans(size: int) -> Iterator[Span]:
    """The chunks of ``size`` bytes of data; the last one is empty for an exact multiple."""
    start = 0
    while size - start >= CHUNK_BYTES:
        left = size - start
        short = 0 < left - CHUNK_BYTES < LEAST_CHUNK_BYTES
        end = start + (-(-left // 2) if short else CHUNK_BYTES)
        yield Span(start, end)
        start = end
    yield Span(start, size)


@dataclass(frozen=True)
class Tree:
    """The tree over the chunks of some data."""

    spans: tuple[Span, ...]
    hashes: tuple[bytes, ...]
    """SHA-256 of each chunk."""

    @cached_property
    def _layers(self) -> list[list[Node]]:
        leaves = [leaf(h, s.end) for h, s in zip(self.hashes, self.spans, strict=True)]
        layers = [leaves]
        while len(layers[-1]) > 1:
            layers.append(list(parents(layers[-1])))
        return layers

    @property
    def root(self) -> bytes:
        """The ``data_root``, 32 bytes."""
        return self._layers[-1][0].id

    @property
    def size(self) -> int:
        """Bytes of data."""
        return self.spans[-1].end

    @cached_property
    def chunks(self) -> tuple[Chunk, ...]:
        """Those that are uploaded: all but an empty last one."""
        return tuple(
            Chunk(span, self._path(place)) for place, span in enumerate(self.spans) if len(span)
        )

    def _path(self, place: int) -> bytes:
        """From the root down: both halves and the note of each branch, then the leaf."""
        steps = [self.hashes[place] + note(self.spans[place].end)]
        for layer in self._layers[:-1]:
            first = place - place % 2
            if first + 1 < len(layer):  # a node without a sibling rises unchanged
                left, right = layer[first], layer[first + 1]
                steps.append(left.id + right.id + note(left.end))
            place //= 2
        return b"".join(reversed(steps))


@dataclass(frozen=True, slots=True)
class Node:
    """A leaf or a branch: its hash, and the offset at which what is below it ends."""

    id: bytes
    end: int


def tree_of(file: BinaryIO, size: int) -> Tree:
    """The tree over the next ``size`` bytes of a file, one chunk in memory at a time. Blocks.

    Raises EOFError if the file ends before.
    """
    found = tuple(spans(size))
    return Tree(found, tuple(hash_of(file, len(span)) for span in found))


def hash_of(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) != count:
        raise EOFError("the file became shorter while it was read")
    return sha256(data)


def leaf(chunk_hash: bytes, end: int) -> Node:
    return Node(sha256(sha256(chunk_hash) + sha256(note(end))), end)


def branch(left: Node, right: Node) -> Node:
    return Node(sha256(sha256(left.id) + sha256(right.id) + sha256(note(left.end))), right.end)


def parents(layer: Sequence[Node]) -> Iterator[Node]:
    """The next layer up; a last one without a sibling rises as it is."""
    for place in range(0, len(layer), 2):
        pair = layer[place : place + 2]
        yield branch(*pair) if len(pair) == 2 else pair[0]


def proven_span(root: bytes, size: int, offset: int, path: bytes) -> Span | None:
    """The span of the chunk that holds ``offset``, if the path leads there from the root.

    ``path`` ends with the chunk's hash and its note: see ``proves``. None for a path that does not.
    """
    if not 0 <= offset < size or not is_path(path):
        return None
    low, high, expected = 0, size, root
    while len(path) > HASH_BYTES + NOTE_BYTES:
        left, right, noted = path[:32], path[32:64], path[64:96]
        if sha256(sha256(left) + sha256(right) + sha256(noted)) != expected:
            return None
        middle = int.from_bytes(noted)
        if offset < middle:
            expected, high = left, min(high, middle)
        else:
            expected, low = right, max(low, middle)
        path = path[96:]
    end = int.from_bytes(path[HASH_BYTES:])
    if leaf(path[:HASH_BYTES], end).id != expected or not low < end <= high:
        return None
    return Span(low, end)


def proves(root: bytes, size: int, chunk: bytes, offset: int, path: bytes) -> bool:
    """Whether these are the bytes of the chunk that holds ``offset``."""
    span = proven_span(root, size, offset, path)
    if span is None or len(span) != len(chunk):
        return False
    return sha256(chunk) == path[-HASH_BYTES - NOTE_BYTES : -NOTE_BYTES]


def is_path(path: bytes) -> bool:
    """True if so many bytes can be some branches and a leaf."""
    return len(path) >= 64 and (len(path) - 64) % 96 == 0


def note(offset: int) -> bytes:
    return offset.to_bytes(NOTE_BYTES)


def sha256(data: bytes) -> bytes:
    """32 bytes."""
    return hashlib.sha256(data).digest()

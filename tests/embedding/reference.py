"""The defined arithmetic once more, in plain numpy, from the words of docs/embedding.md alone.

Slow and independent: whoever doubts the Rust code, or the document, compares with this.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from tests.embedding.fused import F32, fma

LANES = 16
HEADS = 12
LAYERS = 6


class Reference:
    """Ids of all-MiniLM-L6-v2 to its vector, bit for bit as every node computes it."""

    def __init__(self, weights: Path) -> None:
        self._weights = load_file(weights)

    def embed(self, ids: Sequence[int]) -> F32:
        """2..256 ids, with [CLS] and [SEP]; float32 of shape (384,)."""
        positions = self._w("embeddings.position_embeddings.weight")[: len(ids)]
        kind = self._w("embeddings.token_type_embeddings.weight")[0]
        words = self._w("embeddings.word_embeddings.weight")[list(ids)]
        hidden = self._norm((positions + kind) + words, "embeddings.LayerNorm")
        for layer in range(LAYERS):
            hidden = self._layer(hidden, f"encoder.layer.{layer}.")
        mean = strided_sum(hidden.T) / np.float32(len(ids))
        length: F32 = np.sqrt(strided_sum_of_squares(mean))
        vector: F32 = np.divide(mean, length)
        return vector

    def _layer(self, hidden: F32, name: str) -> F32:
        query, key, value = (
            self._linear(hidden, f"{name}attention.self.{part}")
            for part in ("query", "key", "value")
        )
        heads = zip(*(np.split(part, HEADS, axis=1) for part in (query, key, value)), strict=True)
        context = np.hstack([attention(q, k, v) for q, k, v in heads])
        mixed = self._linear(context, name + "attention.output.dense")
        hidden = self._norm(mixed + hidden, name + "attention.output.LayerNorm")
        wide = gelu(self._linear(hidden, name + "intermediate.dense"))
        narrow = self._linear(wide, name + "output.dense")
        return self._norm(narrow + hidden, name + "output.LayerNorm")

    def _linear(self, rows: F32, name: str) -> F32:
        return product(rows, self._w(name + ".weight").T, self._w(name + ".bias"))

    def _norm(self, rows: F32, name: str) -> F32:
        size = np.float32(rows.shape[1])
        centred = rows - (strided_sum(rows) / size)[:, None]
        variance = strided_sum_of_squares(centred) / size
        scale = np.float32(1) / np.sqrt(variance + number(0x2B8CBCCC))
        return fma(centred * scale[:, None], self._w(name + ".weight"), self._w(name + ".bias"))

    def _w(self, name: str) -> F32:
        weights: F32 = self._weights[name]
        return weights


def number(bits: int) -> np.float32:
    return np.uint32(bits).view(np.float32)


def product(left: F32, right: F32, start: F32 | np.float32) -> F32:
    """(n, k) times (k, m): one chain of fused steps for each output, k ascending."""
    total = np.broadcast_to(start, (left.shape[0], right.shape[1])).astype(np.float32)
    for k in range(left.shape[1]):
        total = fma(left[:, k, None], right[k], total)
    return total


def strided_sum(rows: F32) -> F32:
    """Over the last axis."""
    lanes = np.zeros((*rows.shape[:-1], LANES), np.float32)
    for start in range(0, rows.shape[-1], LANES):
        items = rows[..., start : start + LANES]
        lanes[..., : items.shape[-1]] += items
    return _folded(lanes)


def strided_sum_of_squares(rows: F32) -> F32:
    """Over the last axis, each square and its sum rounded together."""
    lanes = np.zeros((*rows.shape[:-1], LANES), np.float32)
    for start in range(0, rows.shape[-1], LANES):
        items = rows[..., start : start + LANES]
        lanes[..., : items.shape[-1]] = fma(items, items, lanes[..., : items.shape[-1]])
    return _folded(lanes)


def _folded(lanes: F32) -> F32:
    while lanes.shape[-1] > 1:
        half = lanes.shape[-1] // 2
        lanes = lanes[..., :half] + lanes[..., half:]
    sums: F32 = lanes[..., 0]
    return sums


def exp(x: F32) -> F32:
    """For x <= 0."""
    x = np.maximum(x, np.float32(-64))
    magic = np.float32(12582912)
    n = fma(x, number(0x3FB8AA3B), magic) - magic
    r = fma(n, number(0xBF317218), x)
    r = fma(n, number(0x3102E308), r)
    p = np.broadcast_to(number(0x3AB5121A), r.shape)
    for c in (0x3C091CF1, 0x3D2AAC79, 0x3E2AAA49, 0x3EFFFFFE, 0x3F800000, 0x3F800000):
        p = fma(p, r, number(c))
    return np.ldexp(p, n.astype(np.int32))


ERFC = [0xB8C009CF, 0x3A0A9EC2, 0xBABDFC47, 0xB8CA6B9E, 0x3C9E4F81, 0xBDD29D99]
ERFC += [0xBF22F8CE, 0xBF906EBF]


def gelu(x: F32) -> F32:
    a = np.minimum(np.abs(x * number(0x3F3504F3)), np.float32(5))
    q = np.broadcast_to(number(0x36DDB013), a.shape)
    for c in ERFC:
        q = fma(q, a, number(c))
    e = exp(a * q)
    return (x * np.float32(0.5)) * np.where(x < 0, e, np.float32(2) - e)


def attention(query: F32, key: F32, value: F32) -> F32:
    """One head: three of shape (tokens, 32) to its context, of the same shape."""
    scores = product(query, key.T, np.float32(0)) * number(0x3E3504F3)
    shares = exp(scores - scores.max(axis=1, keepdims=True))
    scale = np.float32(1) / strided_sum(shares)
    return product(shares, value, np.float32(0)) * scale[:, None]

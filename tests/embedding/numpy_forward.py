"""The model in plain numpy and float64, straight from the weights: slow, short, independent."""

from __future__ import annotations

from math import erf

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from engram.embedding.files import ModelFiles

Array = NDArray[np.float64]

_erf = np.vectorize(erf, otypes=[np.float64])


class NumpyForward:
    """all-MiniLM-L6-v2: text to unit vector, float64 of shape (384,)."""

    def __init__(self, model: ModelFiles) -> None:
        self._weights = {k: v.astype(np.float64) for k, v in load_file(model.weights).items()}
        self._tokenizer = Tokenizer.from_file(str(model.tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(256)

    def ids(self, text: str) -> list[int]:
        found: list[int] = self._tokenizer.encode(text).ids
        return found

    def embed(self, text: str) -> Array:
        ids = self.ids(text)
        table = {
            part: self._w(f"embeddings.{part}_embeddings.weight")
            for part in ("word", "position", "token_type")
        }
        hidden = table["word"][ids] + table["position"][: len(ids)] + table["token_type"][0]
        hidden = self._norm(hidden, "embeddings.LayerNorm")
        for layer in range(6):
            hidden = self._layer(hidden, f"encoder.layer.{layer}.")
        mean: Array = hidden.mean(axis=0)
        return mean / np.linalg.norm(mean)

    def _layer(self, hidden: Array, name: str) -> Array:
        query, key, value = (
            self._linear(hidden, f"{name}attention.self.{part}").reshape(-1, 12, 32)
            for part in ("query", "key", "value")
        )
        scores = np.einsum("qhd,khd->hqk", query, key) / np.sqrt(32)
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        mixed = np.einsum("hqk,khd->qhd", shares, value).reshape(-1, 384)
        mixed = self._linear(mixed, name + "attention.output.dense")
        hidden = self._norm(mixed + hidden, name + "attention.output.LayerNorm")
        wide = self._linear(hidden, name + "intermediate.dense")
        wide = wide * 0.5 * (1 + _erf(wide / np.sqrt(2)))
        return self._norm(
            self._linear(wide, name + "output.dense") + hidden, name + "output.LayerNorm"
        )

    def _linear(self, hidden: Array, name: str) -> Array:
        output: Array = hidden @ self._w(name + ".weight").T + self._w(name + ".bias")
        return output

    def _norm(self, hidden: Array, name: str) -> Array:
        centred = hidden - hidden.mean(axis=-1, keepdims=True)
        scaled: Array = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-12)
        return scaled * self._w(name + ".weight") + self._w(name + ".bias")

    def _w(self, name: str) -> Array:
        return self._weights[name]

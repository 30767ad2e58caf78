"""An embedding as the bytes that a CID covers: 384 little-endian float32."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engram.core.limits import (
    DIMENSIONS,
    EMBEDDING_BYTES,
    MAX_NORM,
    MAX_SQUARES,
    MIN_NORM,
    MIN_SQUARES,
)
from engram.errors import InvalidEmbedding

_FLOATS = frozenset(order + size for order in ("", "@", "=", "<") for size in "fd")


def embedding_bytes(embedding: Any) -> bytes:
    """The 1,536 canonical bytes of an embedding: checked, with -0 as +0.

    Takes a buffer of 384 float32 or float64 (a numpy array), 1,536 bytes, or a list or tuple of
    384 int or float. float64 and int are rounded to the nearest float32, ties to even.
    Raises InvalidEmbedding.
    """
    components = _components(embedding)
    _require_norm(components)
    return (components + np.float32(0)).astype("<f4").tobytes()


def embedding_rows(embeddings: Any) -> Sequence[Any]:
    """The single embeddings in a float array of shape (n, 384), or in a list or tuple of them."""
    if type(embeddings) in (list, tuple):
        return list(embeddings)
    view = _buffer(embeddings)
    if view.ndim != 2 or view.format not in _FLOATS or view.shape[1] != DIMENSIONS:  # type: ignore[index]
        raise InvalidEmbedding(
            f"embeddings must be a float array of shape (n, {DIMENSIONS}) or a list"
        )
    return list(np.asarray(view))


def _components(embedding: Any) -> NDArray[np.float32]:
    if type(embedding) in (list, tuple):
        return _rounded(_numbers(embedding))
    view = _buffer(embedding)
    if view.ndim == 1 and view.format == "B":
        return _from_bytes(view.tobytes())
    if view.ndim != 1 or view.format not in _FLOATS:
        raise InvalidEmbedding("embedding must be one row of float32 or float64")
    array = np.asarray(view)
    _require_dimensions(len(array))
    return _rounded(array)


def _buffer(value: Any) -> memoryview:
    try:
        return memoryview(value)
    except (TypeError, ValueError, BufferError):
        raise InvalidEmbedding(
            f"embedding must be {DIMENSIONS} numbers or {EMBEDDING_BYTES} bytes, "
            f"not {type(value).__name__}"
        ) from None


def _from_bytes(raw: bytes) -> NDArray[np.float32]:
    if len(raw) != EMBEDDING_BYTES:
        raise InvalidEmbedding(f"embedding must be {EMBEDDING_BYTES} bytes, not {len(raw)}")
    return np.frombuffer(raw, dtype="<f4")


def _numbers(values: Sequence[Any]) -> NDArray[np.float64]:
    _require_dimensions(len(values))
    for index, value in enumerate(values):
        if type(value) is not float and type(value) is not int:
            raise InvalidEmbedding(f"component {index} is {type(value).__name__}, not a number")
    try:
        return np.array([float(value) for value in values], dtype=np.float64)
    except OverflowError:
        raise InvalidEmbedding("a component is too large for float32") from None


def _require_dimensions(count: int) -> None:
    if count != DIMENSIONS:
        raise InvalidEmbedding(f"embedding must have {DIMENSIONS} components, not {count}")


def _rounded(array: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return array.astype(np.float32)


def _require_norm(components: NDArray[np.float32]) -> None:
    """The sum of squares is taken in binary64 from the first component on, so that every
    implementation gets the same bits at the bounds; a NaN or infinity leaves the bounds too."""
    with np.errstate(invalid="ignore"):
        squares = float(np.cumsum(np.square(components, dtype=np.float64))[-1])
    if MIN_SQUARES <= squares <= MAX_SQUARES:
        return
    infinite = np.flatnonzero(~np.isfinite(components))
    if infinite.size:
        raise InvalidEmbedding(f"component {infinite[0]} is not a finite float32")
    raise InvalidEmbedding(
        f"embedding has norm {squares**0.5:.3g}; it must be within {MIN_NORM}..{MAX_NORM}"
    )

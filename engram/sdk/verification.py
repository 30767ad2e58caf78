"""Checking a record by its own bytes, with no trust in whoever sent them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engram.core import verify_cid
from engram.core.limits import MAX_TEXT_CODE_POINTS
from engram.errors import InvalidEmbedding, InvalidMetadata, UnsupportedVersion
from engram.sdk.results import EmbeddingOfText, Metadata, Record, Verification

if TYPE_CHECKING:
    from engram.embedding.interface import Embedder

NEAR = 1 - 1e-7
"""Cosine from which on two vectors are one text's, rounded differently.

Components within 1e-6, as between onnxruntime and the exact embedder, mean a cosine of at least
1 - 2e-10; the smallest change to a long text that we found gave 1 - 8.3e-6 (docs/protocol.md 6).
"""


def nobody() -> None:
    """There is no embedder."""


def check(
    record: Record,
    cid: str,
    *,
    metadata: Metadata | None = None,
    embedder: Callable[[], Embedder | None] = nobody,
) -> Verification:
    """Answer each question about a record by itself. Blocks while the embedder computes.

    ``embedder`` is asked for only if there is a text to embed. An inexact one can say near or no,
    and never exact: that its bits agree proves nothing about anybody else's.
    """
    bytes_match = _bytes_match(record, cid)
    return Verification(
        cid=cid,
        bytes_match=bytes_match,
        metadata_as_given=_as_given(record.metadata, metadata, bytes_match),
        embedding_of_text=_embedding_of_text(record, embedder),
        text_covered=_text_covered(record),
    )


def _bytes_match(record: Record, cid: str) -> bool:
    try:
        return verify_cid(cid, record.embedding, record.metadata, record.model_version)
    except (InvalidEmbedding, InvalidMetadata, UnsupportedVersion):
        return False  # no record can have such bytes, so they are not this CID's


def _as_given(held: Metadata, sent: Metadata | None, bytes_match: bool) -> bool | None:
    if sent is None:
        return True if bytes_match else None
    return same(held, sent)


def same(left: Any, right: Any) -> bool:
    """Equality as the CID sees it: 1 and 1.0 are one value, 1 and True are two."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _text_covered(record: Record) -> bool | None:
    return isinstance(record.metadata.get("text"), str) if record.text is not None else None


def _embedding_of_text(
    record: Record, find_embedder: Callable[[], Embedder | None]
) -> EmbeddingOfText:
    embedder = None if record.text is None else find_embedder()
    if embedder is None or record.text is None:
        return "unknown"
    try:
        held = record.embedding
    except InvalidEmbedding:
        return "no"
    if len(record.text) > MAX_TEXT_CODE_POINTS:
        return "no"  # no record was made of it, and embedding it could take for ever
    [made] = embedder.embed([record.text])
    if embedder.exact and held.tobytes() == made.vector.tobytes():
        return "exact"
    return "near" if _cosine(held, made.vector) >= NEAR else "no"


def _cosine(left: NDArray[np.float32], right: NDArray[np.float32]) -> float:
    a, b = left.astype(np.float64), right.astype(np.float64)
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))

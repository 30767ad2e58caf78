"""Checking a record by its own bytes, with no trust in whoever sent them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from engram.core import verify_cid
from engram.errors import InvalidEmbedding, InvalidMetadata, UnsupportedVersion
from engram.sdk.results import Metadata, Record, Verification

if TYPE_CHECKING:
    from engram.embedding.interface import Embedder

NEAR = 0.999  # two processors differ by about 1e-6 in cosine, two paraphrases by more than 0.01


def check(
    record: Record,
    cid: str,
    *,
    metadata: Metadata | None = None,
    embedder: Embedder | None = None,
) -> Verification:
    """Answer each question about a record by itself. Blocks while the embedder computes."""
    bytes_match = _bytes_match(record, cid)
    return Verification(
        cid=cid,
        bytes_match=bytes_match,
        metadata_as_given=_as_given(record.metadata, metadata, bytes_match),
        embedding_of_text=_embedding_of_text(record, embedder),
        text_covered=isinstance(record.metadata.get("text"), str),
    )


def _bytes_match(record: Record, cid: str) -> bool:
    try:
        return verify_cid(cid, record.embedding, record.metadata, record.model_version)
    except (InvalidEmbedding, InvalidMetadata, UnsupportedVersion):
        return False  # no record can have such bytes, so they are not this CID's


def _as_given(held: Metadata, sent: Metadata | None, bytes_match: bool) -> bool | None:
    if sent is None:
        return True if bytes_match else None
    return _same(held, sent)


def _same(left: Any, right: Any) -> bool:
    """Equality as the CID sees it: 1 and 1.0 are one value, 1 and True are two."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(_same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _embedding_of_text(
    record: Record, embedder: Embedder | None
) -> Literal["exact", "near", "no", "unknown"]:
    if embedder is None or record.text is None:
        return "unknown"
    try:
        held = record.embedding
    except InvalidEmbedding:
        return "no"
    own = embedder.embed([record.text])[0].vector
    if held.tobytes() == own.tobytes():
        return "exact"
    return "near" if _cosine(held, own) >= NEAR else "no"


def _cosine(left: NDArray[np.float32], right: NDArray[np.float32]) -> float:
    a, b = left.astype(np.float64), right.astype(np.float64)
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))

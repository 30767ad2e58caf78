"""A record as the table has it, and the check that nothing leaves without."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import orjson

from engram.core import parse_cid, verify_cid
from engram.core.limits import EMBEDDING_BYTES
from engram.errors import EngramError, StoreCorrupt
from engram.storage.interface import Record


class Row(NamedTuple):
    """A record as the table has it."""

    sequence: int
    digest: bytes
    embedding: bytes
    metadata: bytes
    text: str | None
    model_version: str
    stored_at: float
    unverified: int = 0
    """1 if there is a side text that is not served."""

    @property
    def cid(self) -> str:
        return cid_of(self.digest)

    def decode(self) -> Record:
        """The record, once its bytes have been seen to hash to its CID. Raises StoreCorrupt."""
        metadata = decode_metadata(self.metadata)
        if metadata is None or not self._is_intact(metadata):
            raise StoreCorrupt(f"{self.cid} is damaged on disk: its bytes do not hash to its CID")
        own = metadata.get("text")
        return Record(
            self.sequence,
            self.cid,
            np.frombuffer(self.embedding, "<f4"),
            metadata,
            own if isinstance(own, str) else self.text,
            self.model_version,
            self.stored_at,
            not self.unverified,
        )

    def _is_intact(self, metadata: dict[str, Any]) -> bool:
        if len(self.embedding) != EMBEDDING_BYTES:
            return False
        try:
            return verify_cid(self.cid, self.embedding, metadata, self.model_version)
        except EngramError:  # a damaged version
            return False


def cid_of(digest: bytes) -> str:
    """The CID with these digest bytes."""
    return f"v1::{digest.hex()}"


def digest_of(cid: str) -> bytes:
    """The digest bytes in a CID. Raises InvalidCid."""
    return parse_cid(cid)


def decode_metadata(text: bytes) -> dict[str, Any] | None:
    """Metadata as it was stored; None if the text is damaged."""
    try:
        metadata = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return metadata if isinstance(metadata, dict) else None

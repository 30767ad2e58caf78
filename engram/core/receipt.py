"""Receipts: the bytes that a holder signs for a record, or for a page of them.

docs/protocol.md section 7 has them for whoever writes another implementation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from engram.core import metadata_text, parse_cid
from engram.core.limits import EMBEDDING_BYTES, MODEL_VERSION

RECORD = "engram-receipt-v1"
PAGE = "engram-page-receipt-v1"
NO_PLACEMENT = "-"  # of a node that is alone


def record_size(metadata: dict[str, Any], version: str = MODEL_VERSION) -> int:
    """The number of record bytes. Raises InvalidMetadata."""
    return EMBEDDING_BYTES + len(metadata_text(metadata)) + len(version)


def receipt_bytes(cid: str, size: int, placement: int, hotkey: str) -> bytes:
    """What ``hotkey`` (SS58) signs for a record of ``size`` bytes at placement block ``placement``.

    The hotkey is among them, so a receipt cannot be passed off as another holder's.
    """
    return lines(RECORD, cid, size, placement, hotkey)


def page_receipt_bytes(count: int, digest: str, placement: int | None, hotkey: str) -> bytes:
    """What ``hotkey`` signs for a page of ``count`` records; ``digest`` is that of page_digest."""
    at = NO_PLACEMENT if placement is None else placement
    return lines(PAGE, count, digest, at, hotkey)


def page_digest(cids: Iterable[str]) -> str:
    """Hexadecimal SHA-256 over the 32-byte digests in the CIDs, in order. Raises InvalidCid."""
    joined = hashlib.sha256()
    for cid in cids:
        joined.update(parse_cid(cid))
    return joined.hexdigest()


def lines(*parts: str | int) -> bytes:
    """ASCII, one part a line, none after the last."""
    return "\n".join(map(str, parts)).encode("ascii")

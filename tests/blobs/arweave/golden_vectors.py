"""What the npm package `arweave` made of the same data: see golden/make.mjs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent / "golden"
FILE: dict[str, Any] = json.loads((GOLDEN / "vectors.json").read_text())
VECTORS: list[dict[str, Any]] = FILE["vectors"]
WALLET_FILE = GOLDEN / "wallet.json"


def data_of(size: int) -> bytes:
    """The first bytes of SHA-256 of "engram 0", "engram 1", ... in a row."""
    blocks = (hashlib.sha256(b"engram %d" % i).digest() for i in range(-(-size // 32)))
    return b"".join(blocks)[:size]

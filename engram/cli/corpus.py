"""The bundled passages, stored once, and three searches that show what they are good for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

from engram.errors import Unavailable
from engram.protocol import MAX_HAS
from engram.sdk import EngramClient, Ingested

SEARCHES = (
    "why does chopping vegetables bring tears?",
    "an epidemic traced to a dirty well",
    "chance that guests at a party were born on the same date",
)  # answered in other words than they are asked in, which is the point of semantic memory
ONLY = {"source": "engram-demo"}  # a validator's own records are among those of the network
BATCH = 32  # passages a request: small enough for a progress bar that moves
REFUSED = "refused_here"  # deleted by the operator since: to be left alone


def corpus_bytes() -> bytes:
    return (files("engram.cli") / "demo" / "passages.jsonl").read_bytes()


def passages() -> list[dict[str, Any]]:
    """Lines of ``{"text", "metadata"}``."""
    return [json.loads(line) for line in corpus_bytes().splitlines()]


def is_stored(client: EngramClient, receipt: Path) -> bool:
    """True if this very corpus was stored, and the miner still holds its part of it."""
    if not receipt.exists():
        return False
    written = json.loads(receipt.read_text())
    if written["sha256"] != hashlib.sha256(corpus_bytes()).hexdigest():
        return False
    return bool(client.has(written["cids"][:MAX_HAS]))


def store(client: EngramClient, receipt: Path, advance: Callable[[int], None]) -> list[Ingested]:
    """Ingest all passages; those that are stored now. ``advance`` is told of each batch.

    Raises Unavailable if the miner refuses a passage for a reason other than an earlier delete.
    """
    stored: list[Ingested] = []
    for group in grouped(passages(), BATCH):
        for outcome in client.ingest_many(group):
            if isinstance(outcome, Ingested):
                stored.append(outcome)
            elif outcome.code != REFUSED:
                raise Unavailable(f"The miner did not take a bundled passage: {outcome.error}")
        advance(len(group))
    digest = hashlib.sha256(corpus_bytes()).hexdigest()
    cids = [one.cid for one in stored]
    receipt.write_text(json.dumps({"sha256": digest, "cids": cids}))
    return stored


def grouped(items: Sequence[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    rest = iter(items)
    while group := list(islice(rest, size)):
        yield group

"""The way of each file to a place that takes long, one small file for each, whole at any moment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engram.blobs.content import PREFIX, parse_content_cid
from engram.blobs.durable import write_whole
from engram.blobs.interface import Pinned, PinState

VERSION = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """How far a file is, and all that is needed to go on after a crash."""

    content_cid: str
    size: int
    tags: Mapping[str, str]
    queued_at: float
    """Unix seconds."""
    state: PinState = PinState.WAITING
    transaction: Mapping[str, Any] | None = None
    """The signed header, written before the first byte is sent."""
    signed_at: float | None = None
    """Unix seconds."""
    signed_at_height: int | None = None
    """A height of the chain at or after the anchor's."""
    next_chunk: int = 0
    header_taken: bool = False
    unseen_since: float | None = None
    """Unix seconds since when neither block nor mempool shows what was sent."""
    confirmations: int = 0
    reason: str = ""
    spent: int = 0
    """What the transaction pays, in the smallest unit."""
    earlier_ids: tuple[str, ...] = field(default_factory=tuple)

    @property
    def id(self) -> str | None:
        return str(self.transaction["id"]) if self.transaction is not None else None

    @property
    def pinned(self) -> Pinned:
        """What a caller is told."""
        return Pinned(
            self.content_cid,
            self.state,
            self.id,
            self.confirmations,
            self.reason,
            self.earlier_ids,
        )

    @property
    def done(self) -> bool:
        """True if nothing more has to be done."""
        return self.state in (PinState.PERMANENT, PinState.REJECTED)


class Journal:
    """A folder of entries. One process at a time works with it. Every call blocks."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def read(self, content_cid: str) -> Entry | None:
        """Raises ValueError for a file that is not ours; ours are whole or missing."""
        path = self._path(content_cid)
        if not path.exists():
            return None
        return from_json(json.loads(path.read_bytes()))

    def write(self, entry: Entry) -> None:
        """On disk when it returns."""
        body = json.dumps({"version": VERSION} | asdict(entry), sort_keys=True)
        write_whole(self._path(entry.content_cid), body.encode())

    def all(self) -> list[Entry]:
        """Oldest first."""
        names = sorted(path.stem for path in self.root.glob("*.json"))
        entries = [self.read(PREFIX + name) for name in names]
        return sorted((e for e in entries if e is not None), key=lambda entry: entry.queued_at)

    def _path(self, content_cid: str) -> Path:
        return self.root / f"{parse_content_cid(content_cid)}.json"


def from_json(found: dict[str, Any]) -> Entry:
    if found.pop("version") != VERSION:
        raise ValueError("written by a later version of Engram")
    found["state"] = PinState(found["state"])
    found["earlier_ids"] = tuple(found["earlier_ids"])
    return Entry(**found)

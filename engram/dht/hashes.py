"""Block hashes that were seen once and are kept for ever: old blocks are hard to ask for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

LINE = re.compile(r"^(\d{1,20}) ([0-9a-f]{64})$")


class KnownHashes(Mapping[int, bytes]):
    """Block number to 32-byte hash, one line each in a file that only grows.

    A line that was torn by a crash is passed over, and learned again. Without a ``path`` nothing
    outlives the process.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._hashes = read(path) if path is not None else {}

    def __getitem__(self, number: int) -> bytes:
        return self._hashes[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self._hashes)

    def __len__(self) -> int:
        return len(self._hashes)

    def learn(self, seen: Mapping[int, bytes]) -> None:
        """Keep these. What the chain says now wins over what was kept. Blocks on the disk."""
        news = {number: found for number, found in seen.items() if self.get(number) != found}
        if news and self._path is not None:
            append(self._path, news)
        self._hashes.update(news)


def read(path: Path) -> dict[int, bytes]:
    """What a file holds; the last line on a block counts."""
    if not path.exists():
        return {}
    lines = path.read_text(encoding="ascii", errors="replace").split("\n")
    matches = (LINE.match(line) for line in lines)
    return {int(found[1]): bytes.fromhex(found[2]) for found in matches if found}


def append(path: Path, hashes: Mapping[int, bytes]) -> None:
    """Write lines and have them on disk. The leading newline ends whatever a crash left torn."""
    text = "".join(f"\n{number} {found.hex()}" for number, found in hashes.items()) + "\n"
    with path.open("a", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())

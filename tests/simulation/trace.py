"""What happened, as lines: their hash says whether two runs were the same."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from typing import TextIO

LAST = 60
"""Lines that a failure shows."""


class Trace:
    """One line an event, with its time in simulated seconds."""

    def __init__(self, file: TextIO | None = None) -> None:
        self.events = 0
        self.last: deque[str] = deque(maxlen=LAST)
        self._file = file
        self._hash = hashlib.sha256()

    def note(self, line: str) -> None:
        """Write down what happens now."""
        line = f"{asyncio.get_running_loop().time():.6f} {line}\n"
        self.events += 1
        self.last.append(line)
        self._hash.update(line.encode())
        if self._file is not None:
            self._file.write(line)

    @property
    def digest(self) -> str:
        """Of everything so far, hexadecimal."""
        return self._hash.hexdigest()

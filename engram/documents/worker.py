"""The process that reads one file: ``python -m engram.documents.worker KIND PATH MEMORY UNPACKED``.

It writes JSON lines: the number of pages, each page, and ``done``; or one ``error``.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engram.documents.interface import Kind
from engram.errors import InvalidFile

CORES = 2  # threads of native libraries; each takes address space


def main(kind: str, path: str, memory: str, unpacked: str) -> None:
    """Read, under a limit of address space."""
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        for message in read(Kind(kind), Path(path), int(unpacked)):
            say(message)
        say({"done": True})
    except InvalidFile as error:
        say({"error": error.message})
    except MemoryError:
        say({"error": "Reading the file takes too much memory; it may be made to do so."})


def read(kind: Kind, path: Path, unpacked: int) -> Iterator[dict[str, Any]]:
    """Messages on the pages, in order."""
    if kind is Kind.PDF:
        from engram.documents.pdf import pages
    else:
        from engram.documents.office import pages_of

        yield from pages_of(kind, path, unpacked)
        return
    yield from pages(path)


def say(message: dict[str, Any]) -> None:
    """One line; a page may be megabytes, and the pipe is read meanwhile."""
    sys.stdout.buffer.write(json.dumps(message).encode() + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    os.nice(5)
    main(*sys.argv[1:])

"""Reading in a process of its own, which may take too long, too much, or crash."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from engram.documents.interface import Document, Kind, Piece, joined
from engram.documents.limits import Limits
from engram.documents.plain import too_long
from engram.errors import InvalidFile

READ_BYTES = 256 * 1024
KILL_WAIT_S = 10.0


def read_apart(
    path: Path, kind: Kind, limits: Limits, progress: Callable[[int, int], None]
) -> Document:
    """The document, read by ``engram.documents.worker``. Blocks. Raises InvalidFile."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "engram.documents.worker"),
            *(str(kind), str(path), str(limits.memory_bytes), str(limits.unpacked_bytes)),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        return collected(kind, messages(process.stdout, limits), limits, progress)
    finally:
        process.kill()
        process.wait(KILL_WAIT_S)
        assert process.stdout is not None
        process.stdout.close()


def collected(
    kind: Kind,
    found: Iterator[dict[str, Any]],
    limits: Limits,
    progress: Callable[[int, int], None],
) -> Document:
    """The pieces of a worker's messages, until it says that there are no more."""
    pieces: list[Piece] = []
    total, length, title = 0, 0, None
    for message in found:
        if "error" in message:
            raise InvalidFile(str(message["error"]))
        if "done" in message:
            return joined(kind, pieces, title)
        if "pages" in message:
            total, title = int(message["pages"]), message["title"]
            if total > limits.pages:
                raise InvalidFile(
                    f"The document has {total:,} pages, more than {limits.pages:,}. "
                    "Split it into several files."
                )
            continue
        piece = Piece(str(message["text"]), message["page"], str(message["problem"]))
        pieces.append(piece)
        length += len(piece.text)
        if length > limits.code_points:
            raise too_long(limits)
        progress(len(pieces), total)
    where = f"after page {len(pieces)} of {total}" if total else "before its first page"
    raise InvalidFile(f"The file is broken: reading it failed {where}.")


def messages(stream: IO[bytes], limits: Limits) -> Iterator[dict[str, Any]]:
    """What the worker says, until it falls silent for good. Raises InvalidFile if it is slow."""
    began = time.monotonic()
    buffer = b""
    while True:
        left = limits.total_s - (time.monotonic() - began)
        ready, _, _ = select.select([stream], [], [], max(0.0, min(left, limits.silence_s)))
        if not ready:
            raise InvalidFile("Reading the file takes too long; it may be made to do so.")
        data = stream.read1(READ_BYTES)  # type: ignore[attr-defined]
        if not data:
            return
        *lines, buffer = (buffer + data).split(b"\n")
        yield from (json.loads(line) for line in lines)

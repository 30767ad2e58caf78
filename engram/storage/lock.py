"""The data directory belongs to one process at a time, and says to whom."""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path
from typing import NamedTuple

from engram.errors import StoreLocked

FILE_NAME = "LOCK"

_TRIES = 10  # somebody who only asks who holds it (``describe_holder``) has it for a moment
_BETWEEN_TRIES_S = 0.02


class Holder(NamedTuple):
    """The process that has a data directory open."""

    pid: int
    url: str | None = None
    """Where it serves."""
    operator_socket: str | None = None
    """Where it takes the operator's commands."""


class DirectoryLock:
    """Held from construction to ``release``; the kernel releases it if the process dies."""

    def __init__(self, folder: Path) -> None:
        """Raises StoreLocked, naming the process that has it."""
        self._folder = folder
        self._handle = os.open(folder / FILE_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        if not _try(self._handle, fcntl.LOCK_EX):
            os.close(self._handle)
            raise StoreLocked(_explanation(folder))
        self.announce()

    def announce(self, *, url: str | None = None, operator_socket: str | None = None) -> None:
        """Write down who holds the directory and where to reach it."""
        holder = Holder(os.getpid(), url, operator_socket)
        text = json.dumps(holder._asdict()).encode()
        os.pwrite(self._handle, text, 0)
        os.ftruncate(self._handle, len(text))

    def release(self) -> None:
        """Let others have the directory."""
        os.ftruncate(self._handle, 0)
        os.close(self._handle)


def describe_holder(folder: Path) -> Holder | None:
    """The process that has the directory open, or None."""
    try:
        handle = os.open(folder / FILE_NAME, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        if _try(handle, fcntl.LOCK_SH, tries=1):
            return None
        return _read(handle)
    finally:
        os.close(handle)


def _try(handle: int, kind: int, tries: int = _TRIES) -> bool:
    for left in reversed(range(tries)):
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if left:
                time.sleep(_BETWEEN_TRIES_S)
    return False


def _read(handle: int) -> Holder:
    try:
        return Holder(**json.loads(os.pread(handle, 4096, 0)))
    except (ValueError, TypeError):  # caught between locking and writing
        return Holder(0)


def _explanation(folder: Path) -> str:
    holder = describe_holder(folder)
    if holder is None or not holder.pid:
        return f"{folder} is open in another process"
    where = f", serving at {holder.url}" if holder.url else ""
    return f"{folder} is open in process {holder.pid}{where}; use that one, or stop it first"

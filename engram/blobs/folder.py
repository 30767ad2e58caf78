"""Raw files in a folder of this machine, under their content ids."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from engram.blobs.content import content_cid_of_file, parse_content_cid
from engram.blobs.durable import sync_folder
from engram.blobs.interface import Pinned, PinState, Price
from engram.errors import BlobMismatch, StorageFull

FULL = (28, 122)  # ENOSPC, EDQUOT


class Folder:
    """``<root>/ab/abcdef...``: whole and hashed, or not there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def path_of(self, content_cid: str) -> Path:
        """Where the file is or would be. Raises InvalidInput."""
        digits = parse_content_cid(content_cid)
        return self.root / digits[:2] / digits

    def has(self, content_cid: str) -> bool:
        return self.path_of(content_cid).exists()

    def add(self, source: Path, content_cid: str) -> Path:
        """Copy a file in, unless it is there already; on disk when it returns. Blocks.

        Raises BlobMismatch if the bytes are others than the id says, StorageFull.
        """
        target = self.path_of(content_cid)
        if target.exists():
            return target
        target.parent.mkdir(exist_ok=True)
        draft = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            copy_durably(source, draft)
            require(draft, content_cid)
            draft.replace(target)
            sync_folder(target.parent)
        except OSError as error:
            if error.errno in FULL:
                raise StorageFull("No room for the file on this machine.", retry_after=30) from None
            raise
        finally:
            draft.unlink(missing_ok=True)
        return target

    def verify(self, content_cid: str) -> bool:
        """Whether the file's bytes are still those of its id. Blocks."""
        path = self.path_of(content_cid)
        return path.exists() and content_cid_of_file(path) == content_cid

    async def put(self, path: Path, content_cid: str, tags: Mapping[str, str]) -> Pinned:
        """See BlobStore; ``tags`` say nothing here."""
        await asyncio.to_thread(self.add, path, content_cid)
        return Pinned(content_cid, PinState.PERMANENT, content_cid)

    async def status(self, content_cid: str) -> Pinned | None:
        """See BlobStore."""
        kept = await asyncio.to_thread(self.has, content_cid)
        return Pinned(content_cid, PinState.PERMANENT, content_cid) if kept else None

    async def fetch(self, content_cid: str, into: Path) -> bool:
        """See BlobStore. Raises BlobMismatch if the file was damaged meanwhile."""
        return await asyncio.to_thread(self._copy_out, content_cid, into)

    async def price(self, size: int) -> Price:
        """See BlobStore: nothing."""
        return Price(size, 0, "")

    def _copy_out(self, content_cid: str, into: Path) -> bool:
        path = self.path_of(content_cid)
        if not path.exists():
            return False
        try:
            shutil.copyfile(path, into)
            require(into, content_cid)
        except BlobMismatch:
            into.unlink()
            raise
        return True


def copy_durably(source: Path, target: Path) -> None:
    """The bytes are on disk when it returns."""
    with source.open("rb") as given, target.open("wb") as made:
        shutil.copyfileobj(given, made, 1024 * 1024)
        made.flush()
        os.fsync(made.fileno())


def require(path: Path, content_cid: str) -> None:
    """Raise BlobMismatch unless the file's bytes are those of the id."""
    found = content_cid_of_file(path)
    if found != content_cid:
        raise BlobMismatch(f"The bytes are those of {found}, not of {content_cid}.")

"""Uploads on their way to the disk: a block at a time, within limits, hashed as they come."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import BodyPartReader, MultipartReader, web

from engram.blobs.content import PREFIX
from engram.core.strict_json import loads
from engram.errors import BodyTimeout, BodyTooLarge, InvalidFile, InvalidInput, WrongContentType

BLOCK_BYTES = 256 * 1024
FIELD_BYTES = 128 * 1024  # of metadata and the other fields beside the file
BLOCK_TIMEOUT_S = 30.0
MOST_NAME = 255
FIELDS = ("metadata", "namespace", "pin", "title", "source")


@dataclass(slots=True)
class Upload:
    """A file on this machine's disk, and what was said beside it."""

    path: Path
    content_cid: str = ""
    size: int = 0
    name: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    pin: bool | None = None


class Incoming:
    """The folder for files that are still on their way."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder
        self._most_bytes = most_bytes

    def clean(self) -> None:
        """Remove what the last process left behind. Blocks."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in self._folder.iterdir():
            path.unlink()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Path]:
        """A path for one file, which is gone afterwards."""
        path = self._folder / secrets.token_hex(16)
        try:
            yield path
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def receive(self, request: web.Request, path: Path) -> Upload:
        """The file of a multipart form.

        Raises WrongContentType, BodyTooLarge, BodyTimeout, InvalidFile, InvalidInput.
        """
        if not request.content_type.startswith("multipart/"):
            raise WrongContentType("Send the file as multipart/form-data, in a field named file.")
        upload = Upload(path)
        try:
            await self._parts(await request.multipart(), upload)
        except ValueError as error:
            if isinstance(error, InvalidInput):
                raise
            raise InvalidInput("The multipart body is broken.") from None
        if not upload.content_cid:
            raise InvalidInput("The form has no file; send it in a field named file.")
        return upload

    async def _parts(self, form: MultipartReader, upload: Upload) -> None:
        while (part := await in_time(form.next())) is not None:
            if not isinstance(part, BodyPartReader):
                raise InvalidInput("The multipart body has another one inside.")
            if part.name == "file":
                if upload.content_cid:
                    raise InvalidInput("Send one file at a time.")
                await self._file(part, upload)
            elif part.name in FIELDS:
                note(upload, part.name, await text_of(part))

    async def _file(self, part: BodyPartReader, upload: Upload) -> None:
        digest = hashlib.sha256()
        upload.name = plain_name(part.filename)
        file = await asyncio.to_thread(upload.path.open, "xb")
        with file:
            while block := await in_time(part.read_chunk(BLOCK_BYTES)):
                upload.size += len(block)
                if upload.size > self._most_bytes:
                    raise BodyTooLarge(f"A file may have at most {self._most_bytes:,} bytes.")
                digest.update(block)
                await asyncio.to_thread(file.write, block)
        if not upload.size:
            raise InvalidFile("The file is empty.")
        upload.content_cid = PREFIX + digest.hexdigest()


async def text_of(part: BodyPartReader) -> str:
    """A small field. Raises BodyTooLarge, InvalidInput."""
    received = bytearray()
    while block := await in_time(part.read_chunk(BLOCK_BYTES)):
        received += block
        if len(received) > FIELD_BYTES:
            raise BodyTooLarge(f"The field {part.name} has more than {FIELD_BYTES:,} bytes.")
    try:
        return received.decode()
    except UnicodeDecodeError:
        raise InvalidInput(f"The field {part.name} is no UTF-8.") from None


def note(upload: Upload, name: str, text: str) -> None:
    """Take a field into account. Raises InvalidInput."""
    if name == "metadata":
        given = loads(text.encode())
        if not isinstance(given, dict):
            raise InvalidInput("metadata is a JSON object.")
        upload.metadata = given | upload.metadata
    elif name == "pin":
        if text not in ("true", "false"):
            raise InvalidInput("pin is true or false.")
        upload.pin = json.loads(text)
    elif text:
        upload.metadata[name] = text


def plain_name(name: str | None) -> str | None:
    """The last part of what the sender calls the file; it is a hint, and never a path here."""
    if not name:
        return None
    return name.replace("\\", "/").rpartition("/")[2][:MOST_NAME] or None


async def in_time(reading: Any) -> Any:
    """What is read. Raises BodyTimeout if the sender stops sending."""
    try:
        async with asyncio.timeout(BLOCK_TIMEOUT_S):
            return await reading
    except TimeoutError:
        raise BodyTimeout(f"Nothing came for {BLOCK_TIMEOUT_S:g} s; send it again.") from None
    except web.RequestPayloadError:
        raise InvalidInput("The body broke off.") from None

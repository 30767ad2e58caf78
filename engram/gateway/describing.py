"""Without a describing model: what can truthfully be said of a picture, and what is legible."""

from __future__ import annotations

import asyncio
import io

from PIL import Image

from engram.documents import ocr
from engram.documents.images import Picture


class PlainDescriber:
    """Letters by OCR where that is installed, size, format, colours. Never an invented caption."""

    source = "ocr"

    async def describe(self, picture: Picture) -> str:
        """See Describer. Takes a second or so where OCR is installed."""
        return await asyncio.to_thread(said_of, picture)


def said_of(picture: Picture) -> str:
    """The same picture always gets the same words from the same version of the models."""
    lines = legible(picture) if ocr.is_installed() else []
    colours = f", mostly {listed(picture.colours)}" if picture.colours else ""
    plain = f"{picture.format} image, {picture.width} x {picture.height} pixels{colours}."
    return "\n".join([*lines, plain])


def legible(picture: Picture) -> list[str]:
    with Image.open(io.BytesIO(picture.data)) as image:
        return ocr.read(image)


def listed(words: tuple[str, ...]) -> str:
    """One, two and three."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)

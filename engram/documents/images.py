"""Pictures: opened within limits, turned upright, freed of what the camera noted, made smaller.

What leaves this module for a describer carries no EXIF, no GPS and no profile: only the pixels.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import pillow_heif
from PIL import Image, ImageOps, UnidentifiedImageError

from engram.errors import BodyTooLarge, InvalidFile

LONG_SIDE = 2_048  # pixels that a describer gets at the most
MOST_PIXELS = 100_000_000  # 300 MB as RGB while it is made smaller
MOST_FRAMES = 1_000  # of an animation; only the first is described
JPEG_QUALITY = 88

pillow_heif.register_heif_opener()
Image.MAX_IMAGE_PIXELS = MOST_PIXELS


@dataclass(frozen=True, slots=True)
class Picture:
    """What is shown to a describer, and what can be said without one."""

    data: bytes
    """JPEG or PNG, without metadata."""
    media_type: str
    width: int
    """Of the original, upright, in pixels."""
    height: int
    format: str
    """Of the original, as PNG or HEIF."""
    colours: tuple[str, ...]
    """The most frequent ones, in words."""


def open_picture(path: Path) -> Picture:
    """Read an image file. Blocks for up to a second or two.

    Raises BodyTooLarge for more pixels or frames than the limits (a decompression bomb among
    them), InvalidFile for one that is broken or no image.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                return prepared(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise too_large() from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError):
        raise InvalidFile("The image is broken, or of a kind that is not read.") from None


def prepared(image: Image.Image) -> Picture:
    """Check the size before a pixel is decoded; then upright, plain and small."""
    if image.width * image.height > MOST_PIXELS:
        raise too_large()
    if getattr(image, "n_frames", 1) > MOST_FRAMES:
        raise BodyTooLarge(f"The image has more than {MOST_FRAMES:,} frames.")
    name = image.format or "image"
    width, height = upright_size(image)
    image.draft("RGB", (LONG_SIDE, LONG_SIDE))  # JPEG alone: decodes at a smaller scale
    image.seek(0)
    upright = ImageOps.exif_transpose(image)
    upright.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.LANCZOS)
    plain = upright.convert("RGBA" if has_transparency(upright) else "RGB")
    data, media_type = encoded(plain)
    return Picture(data, media_type, width, height, name, colours_of(plain))


def encoded(plain: Image.Image) -> tuple[bytes, str]:
    """The pixels alone, in a new file."""
    bare = Image.new(plain.mode, plain.size)
    bare.paste(plain)
    out = io.BytesIO()
    if plain.mode == "RGBA":
        bare.save(out, "PNG", optimize=False)
        return out.getvalue(), "image/png"
    bare.save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue(), "image/jpeg"


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height as they will be seen."""
    turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    return (image.height, image.width) if turned else image.size


def has_transparency(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info


def too_large() -> BodyTooLarge:
    return BodyTooLarge(
        f"The image has more than {MOST_PIXELS // 1_000_000} million pixels. Make it smaller."
    )


NAMED = {
    "black": (0, 0, 0),
    "dark grey": (70, 70, 70),
    "grey": (128, 128, 128),
    "light grey": (200, 200, 200),
    "white": (255, 255, 255),
    "red": (205, 40, 40),
    "dark red": (110, 15, 20),
    "orange": (245, 140, 30),
    "brown": (120, 75, 40),
    "beige": (225, 205, 170),
    "yellow": (245, 220, 50),
    "green": (60, 160, 70),
    "dark green": (20, 75, 35),
    "turquoise": (50, 190, 185),
    "light blue": (150, 200, 235),
    "blue": (45, 95, 200),
    "dark blue": (15, 30, 95),
    "purple": (125, 60, 160),
    "pink": (240, 150, 180),
}
LEAST_SHARE = 0.08  # of the pixels, for a colour to be named
MOST_COLOURS = 4


def colours_of(image: Image.Image) -> tuple[str, ...]:
    """Names of the colours that cover most, the largest first."""
    small = image.convert("RGB").resize((64, 64), Image.Resampling.BOX)
    counts: dict[str, int] = {}
    for count, pixel in small.getcolors(64 * 64) or []:
        name = nearest(pixel)  # type: ignore[arg-type]
        counts[name] = counts.get(name, 0) + count
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    found = [name for name, count in ranked if count >= LEAST_SHARE * 64 * 64]
    return tuple(found[:MOST_COLOURS])


def nearest(pixel: tuple[int, int, int]) -> str:
    return min(
        NAMED, key=lambda name: sum((a - b) ** 2 for a, b in zip(pixel, NAMED[name], strict=True))
    )

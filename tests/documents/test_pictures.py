"""Any picture becomes an upright, plain and small one; what is too large is not even decoded."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from engram.documents.images import LONG_SIDE, Picture, open_picture
from engram.errors import BodyTooLarge, InvalidFile

ORIENTATION = 0x0112
GPS = 0x8825


def halves(size: tuple[int, int]) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, (205, 40, 40))
    image.paste((45, 95, 200), (size[0] // 2, 0, size[0], size[1]))
    return image


def shown(picture: Picture) -> Image.Image:
    return Image.open(io.BytesIO(picture.data))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("PNG", "PNG"),
        ("JPEG", "JPEG"),
        ("GIF", "GIF"),
        ("WEBP", "WEBP"),
        ("TIFF", "TIFF"),
        ("BMP", "BMP"),
        ("HEIF", "HEIF"),
        ("AVIF", "AVIF"),
    ],
)
def test_every_kind_is_shown_as_jpeg_or_png(tmp_path: Path, kind: str, name: str) -> None:
    path = tmp_path / "picture"
    halves((300, 200)).save(path, kind)
    picture = open_picture(path)
    assert (picture.width, picture.height, picture.format) == (300, 200, name)
    assert shown(picture).size == (300, 200)
    assert picture.media_type == f"image/{shown(picture).format.lower()}"  # type: ignore[union-attr]
    assert set(picture.colours) == {"red", "blue"}


def test_a_large_one_is_made_smaller(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    halves((5_000, 1_000)).save(path, "JPEG")
    picture = open_picture(path)
    assert (picture.width, picture.height) == (5_000, 1_000)
    assert max(shown(picture).size) == LONG_SIDE


def test_it_is_turned_upright_and_tells_nothing_of_the_camera(tmp_path: Path) -> None:
    path = tmp_path / "phone.jpg"
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # the camera was held turned to the right
    exif[0x0110] = "Some Camera"
    exif.get_ifd(GPS)[1] = "N"
    exif.get_ifd(GPS)[2] = (52.0, 31.0, 12.0)
    halves((300, 200)).save(path, "JPEG", exif=exif, comment=b"at home", quality=95)
    assert b"Some Camera" in path.read_bytes()
    picture = open_picture(path)
    assert (picture.width, picture.height) == (200, 300)
    upright = shown(picture)
    assert upright.size == (200, 300)
    assert upright.getpixel((100, 20))[0] > 150  # type: ignore[index]  # red is above now
    assert not dict(upright.getexif())
    assert b"Some Camera" not in picture.data
    assert b"at home" not in picture.data


def test_transparency_stays(tmp_path: Path) -> None:
    path = tmp_path / "logo.png"
    Image.new("RGBA", (40, 40), (255, 0, 0, 0)).save(path)
    assert shown(open_picture(path)).mode == "RGBA"


def test_of_an_animation_the_first_frame_counts(tmp_path: Path) -> None:
    path = tmp_path / "moving.gif"
    frames = [Image.new("RGB", (30, 30), colour) for colour in ("red", "blue", "green")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert open_picture(path).colours == ("red",)


def png_of(width: int, height: int) -> bytes:
    """A PNG whose header promises so many pixels, and whose data is a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(bytes(1_000)))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(20_000, 20_000), (10_001, 10_000), (2**31 - 1, 1)])
def test_a_decompression_bomb(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_of(*size))
    with pytest.raises(BodyTooLarge, match="million pixels"):
        open_picture(path)


def test_torn_and_false_ones(tmp_path: Path) -> None:
    path = tmp_path / "torn.png"
    halves((300, 200)).save(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InvalidFile):
        open_picture(path)
    path.write_text("<!doctype html>")
    with pytest.raises(InvalidFile):
        open_picture(path)

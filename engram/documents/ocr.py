"""Letters in pictures, by rapidocr: an extra, ``pip install engram-network[ocr]``."""

from __future__ import annotations

import importlib.util
import logging
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image

DPI = 200  # enough for letters of 8 points
LEAST_SCORE = 0.5  # of a line; below, rapidocr guesses


def is_installed() -> bool:
    return importlib.util.find_spec("rapidocr") is not None


def read(image: Image.Image) -> list[str]:
    """Lines from top to bottom, in the order that rapidocr finds them."""
    found = engine()(np.asarray(image.convert("RGB")))
    lines = zip(found.txts or (), found.scores or (), strict=True)
    return [text for text, score in lines if score >= LEAST_SCORE and text.strip()]


@lru_cache(maxsize=1)
def engine() -> Any:
    """The three models, loaded once: they are inside the package, nothing is fetched."""
    from rapidocr import RapidOCR

    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    return RapidOCR()

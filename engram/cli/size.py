"""Sizes as people write them."""

from __future__ import annotations

import re

from engram.errors import InvalidInput

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
UNITS |= {f"{unit}I": 1024**power for power, unit in enumerate("KMGT", 1)}


def parse_size(text: str | None) -> int | None:
    """Bytes in ``20GB``, ``512MiB``, ``1.5T`` or ``1000000``. Raises InvalidInput."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?I?)B?", text.strip().upper())
    if found is None or found[2] not in UNITS:
        raise InvalidInput(f"{text!r} is no size; sizes look like 20GB, 512MiB or 1000000")
    return int(float(found[1]) * UNITS[found[2]])

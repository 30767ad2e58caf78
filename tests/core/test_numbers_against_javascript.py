"""Number text against the engine whose rules it follows."""

from __future__ import annotations

import json
import random
import shutil
import struct
import subprocess
from collections.abc import Iterator
from itertools import islice

import pytest

from engram.core.twin.ecmascript import number_text

NODE = shutil.which("node")
SCRIPT = """
const lines = require("fs").readFileSync(0, "utf8").trim().split("\\n");
for (const line of lines) {
  const number = Buffer.from(line, "hex").readDoubleBE(0);
  console.log(String(number));
}
"""


def doubles(seed: int) -> Iterator[float]:
    """Powers of two, where the gaps on both sides differ; numbers near 2**53, where two decimals
    can be equally short; and doubles of random bits."""
    rng = random.Random(seed)
    yield from (2.0**exponent for exponent in range(-1074, 1024))
    while True:
        yield rng.randrange(2**50, 2**53) / rng.choice([1, 2, 4, 8])
        yield rng.randrange(2**53) * 2.0 ** -rng.randrange(1, 120)
        number = struct.unpack(">d", rng.randbytes(8))[0]
        if number - number == 0:
            yield number


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_the_twin_prints_what_javascript_prints() -> None:
    drawn = list(islice(doubles(seed=7), 60_000))
    lines = "\n".join(struct.pack(">d", number).hex() for number in drawn)
    assert NODE is not None
    done = subprocess.run(
        [NODE, "-e", SCRIPT], input=lines, capture_output=True, text=True, check=True, timeout=60
    )
    printed = done.stdout.split()
    assert [number_text(number) for number in drawn] == printed


def test_both_sides_print_the_same(both: tuple) -> None:  # type: ignore[type-arg]
    twin, rust = both
    drawn = [number for number in islice(doubles(seed=8), 60_000) if abs(number) < 2**53]
    for start in range(0, len(drawn), 1_000):
        some = {"x": drawn[start : start + 1_000]}
        assert twin.metadata_text(some) == rust.metadata_text(some)
        assert json.loads(twin.metadata_text(some)[3:-1]) == some["x"]

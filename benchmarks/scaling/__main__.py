"""``python -m benchmarks.scaling``: what ``make scaling`` runs; two minutes, one core.

Writes benchmarks/results/scaling.json and the plots of docs/scaling.md. ``--plots`` draws them anew
from what is there. Equal seeds give equal bytes.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import orjson

from benchmarks.scaling import plots
from benchmarks.scaling.run import FULL, compute

ROOT = Path(__file__).resolve().parent.parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "scaling.json"
LISTS = ("curve", "quantiles, ms", "held", "primary")


def main() -> None:
    """Compute, write, draw."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--plots", action="store_true", help="only draw what is computed already")
    if not parser.parse_args().plots:
        found = rounded(compute(FULL))
        RESULTS.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")
    found = orjson.loads(RESULTS.read_bytes())
    for path in plots.draw(found, ROOT / "docs"):
        print(path.relative_to(ROOT))
    for part in ("repair", "fan-out", "fan-out by size", "lost", "load by size"):
        for row in found[part]:
            print(part, {name: value for name, value in row.items() if name not in LISTS})
    print("load", found["load"]["summary"])


def rounded(value: Any) -> Any:
    """Six significant digits: nothing here is known better."""
    match value:
        case float():
            return float(f"{value:.6g}")
        case dict():
            return {name: rounded(each) for name, each in value.items()}
        case list() | tuple():
            return [rounded(each) for each in value]
        case _:
            return value


if __name__ == "__main__":
    main()

"""``python -m tests.simulation --seed N --hours H [--trace FILE]``: one seed, again and exactly."""

from __future__ import annotations

import argparse
import time
from contextlib import ExitStack
from pathlib import Path

from tests.simulation.simulation import run


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hours", type=float, default=1.0, help="simulated hours of faults")
    parser.add_argument("--trace", type=Path, help="file for all events")
    given = parser.parse_args()
    with ExitStack() as stack:
        file = stack.enter_context(given.trace.open("w")) if given.trace else None
        started = time.process_time()
        outcome = run(given.seed, given.hours, file)
    print(f"{outcome}\n{time.process_time() - started:.1f} s of processor time")


if __name__ == "__main__":
    main()

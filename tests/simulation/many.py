"""Many seeds over all cores, going on where an earlier run was broken off."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 3_600.0  # of real time for one seed: it is a minute or two on one core

Json = dict[str, Any]


class Kept:
    """What became of which seed, a JSON line each."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[int, Json]:
        """By seed. A line that was torn is as if the seed had not run."""
        found: dict[int, Json] = {}
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        for line in lines:
            try:
                one = json.loads(line)
            except json.JSONDecodeError:
                continue
            found[one["seed"]] = one
        return found

    def add(self, one: Json) -> None:
        """The line break before it ends whatever was torn."""
        with self._path.open("a") as file:
            file.write("\n" + json.dumps(one))


def run_all(seeds: Iterable[int], hours: float, kept: Kept, workers: int) -> Iterator[Json]:
    """The seeds that did not go well before, as they end."""
    good = {seed for seed, one in kept.read().items() if one["ok"]}
    with ThreadPoolExecutor(workers) as pool:
        for done in as_completed(pool.submit(run_one, s, hours) for s in seeds if s not in good):
            kept.add(done.result())
            yield done.result()


def run_one(seed: int, hours: float) -> Json:
    """In a process of its own."""
    command = [sys.executable, "-m", "tests.simulation", "--seed", str(seed)]
    done = subprocess.run(
        [*command, "--hours", f"{hours:g}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    said = done.stdout if done.returncode == 0 else done.stderr[-4_000:]
    return {"seed": seed, "ok": done.returncode == 0, "said": said.strip()}

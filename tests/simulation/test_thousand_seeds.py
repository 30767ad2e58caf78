"""A thousand networks, six hours of each. Broken off, it goes on where it was."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from tests.simulation.many import ROOT, Kept, run_all

SEEDS = 1_000
HOURS = 6.0
SOURCES = ("engram", "tests/simulation")


def version() -> str:
    """Of all that a simulation runs: another version's results count for nothing."""
    digest = hashlib.sha256()
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@pytest.mark.chaos
@pytest.mark.timeout(0)
def test_six_hours_of_each(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.cache is not None
    kept = Kept(pytestconfig.cache.mkdir("simulation") / f"{version()}.jsonl")
    failed = []
    for one in run_all(range(SEEDS), HOURS, kept, os.cpu_count() or 1):
        if not one["ok"]:
            failed.append(one["seed"])
            print(f"seed {one['seed']}:\n{one['said']}", flush=True)
    assert not failed


def test_a_broken_off_run_goes_on(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept.jsonl")
    kept.add({"seed": 1, "ok": True, "said": ""})
    kept.add({"seed": 2, "ok": False, "said": ""})
    with (tmp_path / "kept.jsonl").open("a") as file:
        file.write('\n{"seed": 3, "ok": tr')
    kept.add({"seed": 4, "ok": True, "said": ""})
    assert kept.read().keys() == {1, 2, 4}
    assert not list(run_all([1], HOURS, kept, 1))

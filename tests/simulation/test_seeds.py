"""Whole networks under faults drawn by seed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.simulation import run

SEEDS = 10
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEEDS))
def test_an_hour_of_faults(seed: int) -> None:
    outcome = run(seed, hours=1)
    assert outcome.records > 100
    assert outcome.events > 5_000


@pytest.mark.slow
def test_a_seed_replays_exactly() -> None:
    """In other processes, where strings have other hashes and objects other addresses."""

    def outcome(hash_seed: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "tests.simulation", "--seed", "3", "--hours", "0.1"],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[0]

    assert outcome("1") == outcome("2")

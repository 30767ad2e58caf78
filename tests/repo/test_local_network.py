"""The whole subnet in real processes: scored, challenged, weighed and paid, and all of it kept."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engram.cli.network import report
from engram.cli.network.layout import Layout
from tests.repo.sources import ROOT

pytestmark = pytest.mark.slow

PATIENCE_S = 240  # only how long something broken may hang before the test fails
ROW = re.compile(r"^ +(\d+) (miner|validator) +127\.0\.0\.1:\d+ +(.*)$", re.MULTILINE)


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    layout = Layout(tmp_path / "engram")
    yield layout
    engram("down", "--data-dir", str(layout.root))


def engram(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "engram", *arguments],
        env=os.environ | {"COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def status(layout: Layout) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(engram("status", "--data-dir", str(layout.root), "--json"))
    return found


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_from_the_first_block_to_a_second_life(layout: Layout) -> None:
    """One test, because each part takes up what the one before left, and the first takes long."""
    at = ("--data-dir", str(layout.root), "--port", "0")
    check_that_every_miner_was_paid(engram("up", *at, "--demo"))
    check_that_nothing_is_kept_elsewhere(layout)
    check_that_the_wallets_are_their_owner_s_alone(layout)
    engram("up", *at, "--detach")
    check_that_it_goes_on_where_it_was(layout)
    check_that_a_miner_knows_its_scores(layout)
    check_that_a_killed_miner_comes_back_and_keeps_its_name(layout)


def check_that_every_miner_was_paid(demo: str) -> None:
    rows = {int(uid): (role, rest.split()) for uid, role, rest in ROW.findall(demo)}
    assert [role for role, _ in rows.values()] == ["miner"] * 3 + ["validator"]
    for uid in range(3):
        *_, composite, weight, incentive, healthy = rows[uid][1]
        assert float(composite) > 0.9
        assert float(weight) > 0.25
        assert float(incentive) > 0
        assert healthy == "yes"
    assert "0 LOST" in demo
    check_that_the_readme_shows_such_a_table(demo)


def check_that_the_readme_shows_such_a_table(demo: str) -> None:
    """The same words; the numbers are of one moment."""
    promised = (ROOT / "README.md").read_text().partition("```\ndev chain,")[2].partition("```")[0]
    real = demo.partition("\ndev chain,")[2].partition("engram:")[0]
    assert len(promised.split()) > 40
    assert masked(promised) == masked(real)


def masked(table: str) -> list[str]:
    return re.sub(r"\d+(\.\d+)?", "#", table).split()


def check_that_it_goes_on_where_it_was(running: Layout) -> None:
    found = status(running)
    miners = [one for one in found["neurons"] if one["role"] == "miner"]
    assert all(one["weight"] > 0.25 and one["incentive"] > 0 for one in miners)
    assert all(one["records"] > 0 for one in miners)
    until(lambda: all(one["composite"] for one in status(running)["neurons"][:3]))
    assert status(running)["replication"]["LOST"] == 0


def check_that_a_miner_knows_its_scores(running: Layout) -> None:
    [validator] = [n for n in report.read(running.report) if n.role == "validator"]
    [miner, *_] = report.read(running.report)

    def scores() -> dict[str, float]:
        found: dict[str, float] = json.loads(engram("status", "--url", miner.url, "--json"))[
            "scores"
        ]
        return found

    until(lambda: scores().get(validator.hotkey, 0) > 0.9)
    told = engram("status", "--mine", "--url", miner.url, "--data-dir", str(running.root))
    assert miner.hotkey in told
    assert validator.url in told


def check_that_a_killed_miner_comes_back_and_keeps_its_name(running: Layout) -> None:
    before = next(n for n in report.read(running.report) if n.name == "miner-3")
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    until(lambda: status(running)["neurons"][2]["healthy"])
    after = next(n for n in report.read(running.report) if n.name == "miner-3")
    assert (after.hotkey, after.url, after.starts) == (before.hotkey, before.url, before.starts + 1)


def check_that_the_wallets_are_their_owner_s_alone(layout: Layout) -> None:
    keys = [path for path in layout.wallets.rglob("*") if path.is_file()]
    assert keys
    assert not [path for path in keys if path.stat().st_mode & 0o077]


def check_that_nothing_is_kept_elsewhere(layout: Layout) -> None:
    assert {path.name for path in layout.root.iterdir()} == {
        "LOCK",
        "chain.sqlite",
        "corpus.json",
        "network.json",
        "wallets",
        *(
            name + end
            for name in ("miner", "miner-2", "miner-3", "validator")
            for end in ("", ".log")
        ),
        "network.log",
    } | {path.name for path in layout.root.glob("chain.sqlite-*")}

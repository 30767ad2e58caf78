"""``engram validator`` as an operator types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engram.chain.dev import DevChain, create
from engram.chain.wallet import create_wallet, load_signer
from tests.chain.worlds import signer
from tests.validator.chain_in_memory import miner_name
from tests.validator.world import World

NewWorld = Callable[..., World]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "engram", "validator", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=120,
    )


def test_chain_and_wallet_must_be_named(tmp_path: Path) -> None:
    done = run("--data-dir", str(tmp_path))
    assert done.returncode == 2
    assert "--chain dev:PATH --wallet NAME/HOTKEY" in done.stderr


def test_a_wallet_that_is_not_there(tmp_path: Path) -> None:
    done = run(
        *("--data-dir", str(tmp_path), "--chain", "dev:x", "--wallet", "a/b", "--port", "0"),
        ENGRAM_WALLET_DIR=str(tmp_path),
    )
    assert done.returncode == 9
    assert "engram wallet create a/b" in done.stderr


def test_explain_without_a_state(tmp_path: Path) -> None:
    done = run("explain", "7", "--data-dir", str(tmp_path))
    assert done.returncode == 4
    assert "--data-dir" in done.stderr


def test_status_without_a_validator(tmp_path: Path) -> None:
    done = run("status", "--data-dir", str(tmp_path))
    assert done.returncode == 5
    assert "start it, or name --url" in done.stderr


async def test_explain_prints_the_reasons(new_world: NewWorld) -> None:
    world = new_world()
    await world.placed()
    await world.judged()
    world.chain.head += 100
    await world.parts.weights.attempt()
    folder = str(world.settings.data_dir)
    shown = run("explain", "1", "--data-dir", folder)  # while the validator has it open
    assert shown.returncode == 0, shown.stderr
    assert f"UID 1  {signer(miner_name(1)).hotkey}" in shown.stdout
    assert "composite 1.0000 = 0.5 x recall 1.000" in shown.stdout
    as_json = run("explain", "1", "--data-dir", folder, "--json")
    assert json.loads(as_json.stdout)["weight"] == pytest.approx(1 / 3)
    assert run("explain", "77", "--data-dir", folder).returncode == 4


class Running:
    """A validator in a process of its own, on a dev chain of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"ENGRAM_WALLET_DIR": str(folder / "wallets")}
        create_wallet("test", "validator", folder / "wallets", password=None)
        create(folder / "chain.sqlite", block_time_s=1)
        signer = load_signer("test/validator", folder / "wallets")
        chain = DevChain(folder / "chain.sqlite", signer)
        assert chain.register(netuid=1).ok
        chain.close()
        self.process = self._start()
        self.url = self._wait_ready()["url"]

    @property
    def options(self) -> list[str]:
        return [
            *("--data-dir", str(self.folder / "state"), "--port", "0"),
            *("--chain", f"dev:{self.folder / 'chain.sqlite'}"),
            *("--wallet", "test/validator", "--log-format", "json"),
        ]

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "engram", "validator", *self.options],
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | self.environment,
        )

    def _wait_ready(self) -> dict[str, Any]:
        assert self.process.stderr is not None
        lines = []
        for line in self.process.stderr:
            lines.append(line)
            found = json.loads(line) if line.startswith("{") else {}
            if found.get("event") == "validator is ready":
                ready: dict[str, Any] = found
                return ready
        raise AssertionError("".join(lines))

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=60)
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    validator = Running(tmp_path)
    yield validator
    validator.close()


def test_it_serves_its_status_and_stops_when_asked(running: Running) -> None:
    assert httpx.get(f"{running.url}/health").json() == {"status": "ok"}
    told = run("status", "--data-dir", str(running.folder / "state"), **running.environment)
    assert told.returncode == 0, told.stderr
    assert "on dev chain, subnet 1" in told.stdout
    assert "scoring   every 120 s" in told.stdout
    second = run(*running.options, **running.environment)
    assert second.returncode == 6
    assert "is open in process" in second.stderr
    assert running.stop(signal.SIGTERM) == 0
    assert run("status", "--data-dir", str(running.folder / "state")).returncode == 5


def test_killed_it_starts_again_on_the_same_folder(running: Running) -> None:
    assert running.stop(signal.SIGKILL) == -signal.SIGKILL
    running.process = running._start()
    running._wait_ready()
    assert running.stop(signal.SIGINT) == 0
    elsewhere = run(*running.options, "--netuid", "2", **running.environment)
    assert elsewhere.returncode == 2
    assert "subnet 1, not of" in elsewhere.stderr

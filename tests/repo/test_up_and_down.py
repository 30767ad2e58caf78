"""`engram up` and `engram down` as a stranger types them: real processes, model and searches."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from engram.cli.local_miner import Home, stop_holder
from engram.errors import Unavailable
from engram.storage import Holder

CID = re.compile(r"\bv1::[0-9a-f]{64}\b")
READY = re.compile(r"^READY (http://127\.0\.0\.1:\d+)$", re.MULTILINE)
PATIENCE_S = 120  # only how long a broken miner may hang before the test fails

Started = subprocess.Popen[str]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "engram", *arguments]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder in which `up --demo` ran once, and what it printed."""
    root = tmp_path_factory.mktemp("demo") / "engram"
    return root, run_up(Home(root), "--port", "0", "--demo")


@pytest.fixture
def home(tmp_path: Path, demo: tuple[Path, str]) -> Iterator[Home]:
    """A copy of it: the passages are stored already."""
    home = Home(tmp_path / "engram")
    shutil.copytree(demo[0], home.root)
    yield home
    if (holder := home.holder()) and holder.pid:  # a test failed half-way
        os.kill(holder.pid, signal.SIGKILL)


@pytest.fixture
def up(home: Home) -> Iterator[Callable[..., Started]]:
    started: list[Started] = []

    def start(*options: str) -> Started:
        process = subprocess.Popen(
            command("up", "--data-dir", str(home.root), "--port", "0", *options),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def run_up(home: Home, *options: str) -> str:
    """The output of an `up` that ends by itself."""
    arguments = command("up", "--data-dir", str(home.root), *options)
    done = subprocess.run(
        arguments, capture_output=True, text=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def read_until_ready(process: Started) -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if READY.match(line):
            return "".join(lines)
    pytest.fail(f"ended without READY:\n{''.join(lines)}")


def miners_of(home: Home) -> list[int]:
    """Process ids of the miners on this folder."""
    lines = {p.pid: p.info["cmdline"] or [] for p in psutil.process_iter(["cmdline"])}
    return [pid for pid, line in lines.items() if str(home.records) in line]


def test_demo_shows_three_searches_and_leaves_nothing_running(demo: tuple[Path, str]) -> None:
    root, shown = demo
    assert READY.search(shown)
    assert len(CID.findall(shown)) == 9
    assert "passages are on disk" in shown
    assert Home(root).holder() is None


def test_what_is_left_running_is_found_again_and_stopped(home: Home) -> None:
    first = run_up(home, "--port", "0", "--detach")
    holder = home.holder()
    assert holder is not None
    again = run_up(home)
    assert f"already runs here (pid {holder.pid})" in again
    assert "records are here already" in again
    assert CID.findall(again) == CID.findall(first)
    stopped = subprocess.run(
        command("down", "--data-dir", str(home.root)), capture_output=True, text=True
    )
    assert stopped.returncode == 0, stopped.stderr
    assert home.holder() is None


def test_the_corpus_is_stored_once(home: Home) -> None:
    assert "records are here already" in run_up(home, "--port", "0", "--demo")


def test_records_that_were_lost_with_their_folder_are_stored_again(home: Home) -> None:
    shutil.rmtree(home.records)
    assert "passages are on disk" in run_up(home, "--port", "0", "--demo")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything(
    home: Home, up: Callable[..., Started], number: signal.Signals
) -> None:
    process = up()
    read_until_ready(process)
    process.send_signal(number)
    rest, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, rest
    assert "stopped" in rest
    assert home.holder() is None


def test_ctrl_c_before_it_is_ready_leaves_no_orphan(home: Home, up: Callable[..., Started]) -> None:
    process = up()
    assert process.stdout is not None
    process.stdout.readline()  # "starting a miner": the handlers are in place
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)
    assert not miners_of(home)  # not even one that has yet to open the records


def test_a_busy_port_is_passed_over_aloud(home: Home) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        shown = run_up(home, "--port", str(port), "--demo")
    ready = READY.search(shown)
    assert f"PORT {port} IS BUSY" in shown
    assert ready and not ready.group(1).endswith(f":{port}")


def test_a_miner_that_cannot_start_has_its_last_lines_shown(home: Home, tmp_path: Path) -> None:
    done = subprocess.run(
        command("up", "--data-dir", str(home.root), "--port", "0", "--demo"),
        env=os.environ | {"ENGRAM_MODEL_DIR": str(tmp_path / "no-model-here")},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode != 0
    assert "The miner stopped while starting" in done.stderr
    assert "no-model-here" in done.stderr


def test_a_holder_that_has_not_said_who_it_is_is_not_signalled(home: Home) -> None:
    with pytest.raises(Unavailable, match="just opening"):
        stop_holder(home, Holder(0))


def test_down_with_nothing_running(home: Home) -> None:
    done = subprocess.run(
        command("down", "--data-dir", str(home.root)), capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "nothing runs" in done.stdout

"""`engram up` and `engram down` as a stranger types them: real processes, model and searches."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from engram.cli.network import report
from engram.cli.network.control import stop_holder
from engram.cli.network.layout import Layout
from engram.cli.network.report import NodeReport
from engram.errors import Unavailable
from engram.storage import Holder

CID = re.compile(r"\bv1::[0-9a-f]{64}\b")
READY = re.compile(r"^READY (http://127\.0\.0\.1:\d+)$", re.MULTILINE)
PATIENCE_S = 120  # only how long something broken may hang before the test fails
QUICK = ("--port", "0", "--miners", "1", "--validators", "0")

Started = subprocess.Popen[str]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "engram", *arguments]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder in which a network ran once, and what it printed."""
    root = tmp_path_factory.mktemp("once") / "engram"
    shown = run_up(Layout(root), *QUICK, "--detach")
    run_down(Layout(root))
    return root, shown


@pytest.fixture
def network(tmp_path: Path, stored: tuple[Path, str]) -> Iterator[Layout]:
    """A copy of it: keys, ledger and passages are there already."""
    layout = Layout(tmp_path / "engram")
    shutil.copytree(stored[0], layout.root)
    yield layout
    for pid in processes_of(layout):  # a test failed half-way
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def up(network: Layout) -> Iterator[Callable[..., Started]]:
    started: list[Started] = []

    def start(*options: str) -> Started:
        process = subprocess.Popen(
            command("up", "--data-dir", str(network.root), *QUICK, *options),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Whoever runs the tests in a shell's background has Ctrl-C ignored, and passes that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def run_up(layout: Layout, *options: str) -> str:
    """The output of an `up` that ends by itself."""
    arguments = command("up", "--data-dir", str(layout.root), *options)
    done = subprocess.run(
        arguments, capture_output=True, text=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_down(layout: Layout) -> str:
    done = subprocess.run(
        command("down", "--data-dir", str(layout.root)), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def read_until_ready(process: Started) -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if READY.match(line):
            return "".join(lines)
    pytest.fail(f"ended without READY:\n{''.join(lines)}")


def processes_of(layout: Layout) -> list[int]:
    """Process ids of the supervisor and the nodes on this folder."""
    lines = {p.pid: p.info["cmdline"] or [] for p in psutil.process_iter(["cmdline"])}
    return [
        pid
        for pid, line in lines.items()
        if "engram.cli.network" in " ".join(line) and str(layout.root) in " ".join(line)
    ]


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that takes its time."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def nodes_of(layout: Layout) -> dict[str, NodeReport]:
    return {node.name: node for node in report.read(layout.report)}


def test_searches_are_shown_and_down_leaves_nothing(stored: tuple[Path, str]) -> None:
    root, shown = stored
    assert READY.search(shown)
    assert len(CID.findall(shown)) == 9
    assert "dev chain" in shown
    assert "shortened" in shown
    assert "passages are on disk" in shown
    assert processes_of(Layout(root)) == []


def test_what_is_left_running_is_found_again_and_stopped(network: Layout) -> None:
    first = run_up(network, *QUICK, "--detach")
    holder = network.holder()
    assert holder is not None
    assert len(processes_of(network)) == 2
    again = run_up(network)
    assert f"already runs here (pid {holder.pid})" in again
    assert "records are here already" in again
    assert CID.findall(again) == CID.findall(first)
    assert "stopped" in run_down(network)
    assert processes_of(network) == []


def test_a_second_up_resumes_with_the_same_keys(network: Layout) -> None:
    before = {name: node.hotkey for name, node in nodes_of(network).items()}
    assert "records are here already" in run_up(network, *QUICK, "--detach")
    assert {name: node.hotkey for name, node in nodes_of(network).items()} == before
    run_down(network)


def test_records_that_were_lost_with_their_folder_are_stored_again(network: Layout) -> None:
    shutil.rmtree(network.data("miner"))
    assert "passages are on disk" in run_up(network, *QUICK, "--detach")
    run_down(network)


def test_a_node_that_is_killed_comes_back_where_it_was(network: Layout) -> None:
    run_up(network, *QUICK, "--miners", "2", "--detach")
    before = nodes_of(network)["miner-2"]
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    until(lambda: nodes_of(network)["miner-2"].starts == 2)
    after = nodes_of(network)["miner-2"]
    assert (after.url, after.exit_code) == (before.url, -signal.SIGKILL)
    until(lambda: answers(after.url))
    assert nodes_of(network)["miner"].starts == 1
    run_down(network)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything(
    network: Layout, up: Callable[..., Started], number: signal.Signals
) -> None:
    process = up()
    read_until_ready(process)
    process.send_signal(number)
    rest, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, rest
    assert "stopped" in rest
    assert processes_of(network) == []


def test_ctrl_c_before_it_is_ready_leaves_no_orphan(
    network: Layout, up: Callable[..., Started]
) -> None:
    process = up()
    assert process.stdout is not None
    process.stdout.readline()  # "starting": the handlers are in place
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)
    assert processes_of(network) == []


def test_up_killed_outright_leaves_nothing(network: Layout, up: Callable[..., Started]) -> None:
    process = up()
    read_until_ready(process)
    process.kill()
    until(lambda: processes_of(network) == [])


def test_up_killed_while_it_starts_leaves_nothing(
    network: Layout, up: Callable[..., Started]
) -> None:
    process = up()
    until(lambda: len(processes_of(network)) > 1)
    process.kill()
    until(lambda: processes_of(network) == [])


def test_a_supervisor_killed_outright_leaves_nothing_and_up_goes_on(network: Layout) -> None:
    run_up(network, *QUICK, "--detach")
    holder = network.holder()
    assert holder is not None
    os.kill(holder.pid, signal.SIGKILL)
    again = run_up(network, *QUICK, "--detach")  # waits for the nodes that are ending
    assert "records are here already" in again
    assert len(processes_of(network)) == 2
    run_down(network)


def test_a_busy_port_is_passed_over_aloud(network: Layout) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        shown = run_up(network, *QUICK, "--port", str(port), "--detach")
    run_down(network)
    ready = READY.search(shown)
    assert f"PORT {port} IS BUSY" in shown
    assert ready and not ready.group(1).endswith(f":{port}")


def test_a_node_that_cannot_start_has_its_last_lines_shown(network: Layout, tmp_path: Path) -> None:
    done = subprocess.run(
        command("up", "--data-dir", str(network.root), *QUICK),
        env=os.environ | {"ENGRAM_MODEL_DIR": str(tmp_path / "no-model-here")},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode != 0
    assert "stopped while starting" in done.stderr
    assert "no-model-here" in done.stderr
    assert processes_of(network) == []


def test_a_supervisor_that_cannot_start_has_its_last_lines_shown(network: Layout) -> None:
    network.ledger.write_bytes(b"this is no ledger")
    done = subprocess.run(
        command("up", "--data-dir", str(network.root), *QUICK),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode != 0
    assert "chain.sqlite" in done.stderr
    assert processes_of(network) == []


def test_a_holder_that_has_not_said_who_it_is_is_not_signalled(network: Layout) -> None:
    with pytest.raises(Unavailable, match="just opening"):
        stop_holder(network, Holder(0))


def test_down_with_nothing_running(network: Layout) -> None:
    assert "nothing runs" in run_down(network)

"""Nodes that end are started again, later each time; all are stopped together."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.cli.network import report
from engram.cli.network.child import LONGEST_WAIT_S, STEADY_S, Child, Plan, waiting_time
from engram.cli.network.layout import Layout, Role
from engram.cli.network.supervisor import HOLD_S, Supervisor


class Process:
    """Stands in for a process; ends when the test says so."""

    started: list[Process]

    def __init__(self, *_: Any, **__: Any) -> None:
        self.code: int | None = None
        self.pid = 1000 + len(Process.started)
        self.stdin = open("/dev/null")  # noqa: SIM115, PTH123  closed by the child under test
        self.obedient = True
        self.ended_by: list[str] = []
        Process.started.append(self)

    def poll(self) -> int | None:
        return self.code

    def terminate(self) -> None:
        self.ended_by.append("terminate")
        if self.obedient:
            self.code = 0

    def kill(self) -> None:
        self.ended_by.append("kill")
        self.code = -9

    def wait(self, seconds: float | None = None) -> int:
        if self.code is None:
            raise subprocess.TimeoutExpired("node", seconds or 0)
        return self.code


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Process]]:
    Process.started = []
    monkeypatch.setattr(subprocess, "Popen", Process)
    yield Process.started
    for process in Process.started:
        process.stdin.close()


def plan(folder: Path, name: str = "miner", role: Role = "miner") -> Plan:
    return Plan(name, role, f"5{name}", f"http://{name}", [], {}, folder / f"{name}.log")


@given(st.integers(1, 10_000))
def test_each_failure_in_a_row_waits_longer_up_to_a_limit(failures: int) -> None:
    assert 0 < waiting_time(failures) <= waiting_time(failures + 1) <= LONGEST_WAIT_S


def test_a_node_that_ends_is_started_again_after_its_time(
    tmp_path: Path, processes: list[Process]
) -> None:
    node = Child(plan(tmp_path))
    assert node.tend(now=0)
    assert not node.tend(now=1)  # nothing changed
    processes[0].code = 3
    assert node.tend(now=2)
    assert (node.report.pid, node.report.exit_code) == (None, 3)
    assert not node.tend(now=2 + waiting_time(1) - 0.01)
    assert node.tend(now=2 + waiting_time(1))
    assert (node.report.pid, node.report.starts) == (1001, 2)


def starts_within(node: Child, processes: list[Process], seconds: int) -> int:
    """How often a node that ends at once is started."""
    for tenth in range(seconds * 10):
        node.tend(tenth / 10)
        processes[-1].code = 1
    return node.starts


def test_a_node_that_cannot_start_does_not_burn_the_processor(
    tmp_path: Path, processes: list[Process]
) -> None:
    assert starts_within(Child(plan(tmp_path)), processes, seconds=300) < 20


def test_a_node_that_ran_for_long_starts_anew_without_waiting_long(
    tmp_path: Path, processes: list[Process]
) -> None:
    node = Child(plan(tmp_path))
    starts_within(node, processes, seconds=100)
    now = 1000.0
    node.tend(now)
    now += STEADY_S
    processes[-1].code = 1
    node.tend(now)
    assert node.tend(now + waiting_time(1))


def test_one_that_fails_does_not_touch_the_others(tmp_path: Path, processes: list[Process]) -> None:
    now = [0.0]
    children = [Child(plan(tmp_path, name)) for name in ("miner", "miner-2")]
    supervisor = Supervisor(Layout(tmp_path), children, monotonic=lambda: now[0])
    supervisor.look()
    processes[0].code = 1
    supervisor.look()
    now[0] = 100
    supervisor.look()
    assert [node.starts for node in report.read(Layout(tmp_path).report)] == [2, 1]


@dataclass
class Miners:
    """What miners answer, and what the supervisor asked."""

    loaded: bool = False
    asked: list[list[str]] = field(default_factory=list)

    def __call__(self, urls: Sequence[str]) -> bool:
        self.asked.append(list(urls))
        return self.loaded


def one_of_each(folder: Path) -> list[Child]:
    return [Child(plan(folder)), Child(plan(folder, "validator", "validator"))]


def test_validators_wait_until_every_miner_has_loaded(
    tmp_path: Path, processes: list[Process]
) -> None:
    """Probed before, an honest miner fails, and is paid less for a quarter of an hour."""
    miners, (miner, validator) = Miners(), one_of_each(tmp_path)
    supervisor = Supervisor(
        Layout(tmp_path), [miner, validator], monotonic=lambda: 0.0, serve=miners
    )
    for _ in range(3):
        supervisor.look()
    assert (miner.starts, validator.starts) == (1, 0)
    miners.loaded = True
    supervisor.look()
    supervisor.look()
    assert validator.starts == 1
    assert miners.asked == [["http://miner/ready"]] * 4  # and nobody is asked any more
    miners.loaded = False
    processes[1].code = 1
    supervisor.look()
    assert validator.report.exit_code == 1


def test_a_miner_that_never_loads_does_not_keep_the_validator_for_ever(
    tmp_path: Path, processes: list[Process]
) -> None:
    now, (miner, validator) = [0.0], one_of_each(tmp_path)
    supervisor = Supervisor(
        Layout(tmp_path), [miner, validator], monotonic=lambda: now[0], serve=Miners()
    )
    supervisor.look()
    now[0] = HOLD_S
    supervisor.look()
    supervisor.look()
    assert validator.starts == 1


def test_all_are_asked_to_end_before_any_is_waited_for(
    tmp_path: Path, processes: list[Process]
) -> None:
    children = [Child(plan(tmp_path, name)) for name in ("miner", "miner-2")]
    supervisor = Supervisor(Layout(tmp_path), children)
    supervisor.look()
    processes[0].obedient = False
    supervisor.end()
    assert [process.ended_by for process in processes] == [["terminate", "kill"], ["terminate"]]
    assert [node.pid for node in report.read(Layout(tmp_path).report)] == [None, None]


def test_they_are_stopped_even_if_the_supervisor_fails(
    tmp_path: Path, processes: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = Supervisor(Layout(tmp_path), [Child(plan(tmp_path))])
    supervisor.look()

    def disk_full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(supervisor, "look", disk_full)
    with pytest.raises(OSError, match="space"):
        supervisor.run(Event())
    assert processes[0].ended_by == ["terminate"]


def test_whoever_ignores_the_leash_is_killed() -> None:
    """The program's own end comes by SIGTERM, and by SIGKILL if it will not hear."""
    deaf = (
        "import signal, time\n"
        "from threading import Thread\n"
        "from engram.cli.network import leash\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "leash.GRACE_S = 0.1\n"
        "Thread(target=leash.end_with_parent, daemon=True).start()\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", deaf], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdout.readline()
        process.stdin.close()
        assert process.wait(60) == -9

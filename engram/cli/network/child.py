"""One supervised node: started, looked after, started again, stopped."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engram.cli.network.layout import Role
from engram.cli.network.report import NodeReport

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
STEADY_S = 60.0  # whoever ran so long starts anew without having to wait


@dataclass(frozen=True)
class Plan:
    """How to run a node."""

    name: str
    role: Role
    hotkey: str
    url: str
    arguments: Sequence[str]
    """Of the ``engram`` command."""
    environment: Mapping[str, str]
    log: Path


class Child:
    """A node's process, and when to start the next one."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.starts = 0
        self.exit_code: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._failures = 0
        self._start_at = float("-inf")

    def tend(self, now: float) -> bool:
        """Start the process if it does not run and its time has come; True if anything changed."""
        if self._process is not None:
            return self._ended(now)
        if now < self._start_at:
            return False
        self._start(now)
        return True

    def _start(self, now: float) -> None:
        self.starts += 1
        self._started_at = now
        with self.plan.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "engram.cli.network.leash", *self.plan.arguments],
                stdin=subprocess.PIPE,  # the leash
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(self.plan.environment),
            )

    def _ended(self, now: float) -> bool:
        assert self._process is not None
        code = self._process.poll()
        if code is None:
            return False
        self._forget()
        self.exit_code = code
        self._failures = 1 if now - self._started_at >= STEADY_S else self._failures + 1
        self._start_at = now + waiting_time(self._failures)
        return True

    def terminate(self) -> None:
        """Ask the process to end."""
        if self._process is not None:
            self._process.terminate()

    def wait(self, seconds: float) -> None:
        """Wait for its end; kill it if it does not come in time."""
        if self._process is None:
            return
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._forget()

    def _forget(self) -> None:
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.close()
        self._process = None

    @property
    def report(self) -> NodeReport:
        plan = self.plan
        pid = self._process.pid if self._process is not None else None
        return NodeReport(
            plan.name, plan.role, plan.hotkey, plan.url, pid, self.starts, self.exit_code
        )


def waiting_time(failures: int) -> float:
    """Seconds before the next start: twice as many after each failure in a row, to a limit."""
    return float(min(FIRST_WAIT_S * 2 ** min(failures - 1, 30), LONGEST_WAIT_S))

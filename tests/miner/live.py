"""A real miner in a process of its own, as an operator starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

START_LIMIT_S = 60.0
STOP_LIMIT_S = 60.0
POLL_S = 0.02


class LiveMiner:
    """Started and stopped by the test; leaves nothing running behind."""

    def __init__(
        self,
        data_dir: Path,
        *options: str,
        port: int = 0,
        environment: Mapping[str, str] | None = None,
        wrapper: Sequence[str] = (),
    ) -> None:
        self.data_dir = data_dir
        self.options = options
        self.port = port
        self.environment = dict(environment or {})
        self.wrapper = wrapper
        self.log = data_dir.parent / f"{data_dir.name}.log"
        self.url = ""
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> LiveMiner:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def spawn(self) -> None:
        """Start the process without waiting for it."""
        command = [*self.wrapper, sys.executable, "-m", "engram", "miner"]
        command += [
            "--data-dir",
            str(self.data_dir),
            "--port",
            str(self.port),
            "--chain",
            "none",
            *self.options,
        ]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"ENGRAM_LOG_FORMAT": "json"} | self.environment,
            )

    def start(self) -> LiveMiner:
        """Start the process and wait until it serves."""
        self.spawn()
        self.url = self.wait_for("miner is ready")["url"]
        return self

    def wait_for(self, event: str) -> dict[str, Any]:
        """The log line of that event. Fails with the log if the process ends without it."""
        assert self.process is not None
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            ended = self.process.poll() is not None
            for line in self.lines():
                if line.get("event") == event:
                    return line
            if ended:
                break
            time.sleep(POLL_S)
        raise AssertionError(f"no {event!r} in:\n{self.log.read_text()}")

    def lines(self) -> list[dict[str, Any]]:
        """The log lines so far that are JSON."""
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [json.loads(line) for line in lines if line.endswith("}")]

    def kill(self) -> None:
        """SIGKILL: the process gets no chance to say goodbye."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(STOP_LIMIT_S)

    def wait(self) -> int:
        """The exit code of a process that ends by itself."""
        assert self.process is not None
        return self.process.wait(START_LIMIT_S)

"""A miner in a process of its own: started, waited for, found again and stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engram.errors import NotReady, Unavailable
from engram.sdk import EngramClient
from engram.storage import Holder, describe_holder

HOST = "127.0.0.1"
PORTS_TRIED = 9  # 8091 to 8099: 8100 is the validator's
POLL_S = 0.1
STOP_TIMEOUT_S = 30.0  # draining takes 5 s by default, a last snapshot a few more
LOG_LINES_SHOWN = 15


@dataclass(frozen=True)
class Home:
    """The folder in which ``engram up`` keeps everything."""

    root: Path

    @property
    def records(self) -> Path:
        return self.root / "miner"

    @property
    def log(self) -> Path:
        return self.root / "miner.log"

    @property
    def corpus_receipt(self) -> Path:
        return self.root / "corpus.json"

    def holder(self) -> Holder | None:
        """The process that has the records open, if one does."""
        return describe_holder(self.records)

    def log_tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(f"    {line}" for line in lines[-LOG_LINES_SHOWN:])


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(first: int) -> int:
    """The first free port from ``first`` on; 0 leaves the choice to the miner."""
    if first == 0:
        return 0
    for port in range(first, min(first + PORTS_TRIED, 65536)):
        if is_free(port):
            return port
    raise Unavailable(
        f"Ports {first} to {first + PORTS_TRIED - 1} are all in use; name another with --port."
    )


def start(home: Home, port: int) -> subprocess.Popen[bytes]:
    """Start a miner that a Ctrl-C in this terminal does not reach: its parent stops it."""
    home.root.mkdir(parents=True, exist_ok=True)
    options = ["--data-dir", str(home.records), "--host", HOST, "--port", str(port)]
    with home.log.open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "engram", "miner", *options, "--chain", "none"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def wait_ready(home: Home, child: subprocess.Popen[bytes], waiting: Callable[[float], None]) -> str:
    """The URL of the started miner once it serves. ``waiting`` is told the seconds so far.

    Raises NotReady with the miner's last words if it ends instead.
    """
    began = time.monotonic()
    while child.poll() is None:
        holder = home.holder()
        if holder and holder.pid == child.pid and holder.url and answers(holder.url):
            return holder.url
        waiting(time.monotonic() - began)
        time.sleep(POLL_S)
    raise NotReady(
        f"The miner stopped while starting (exit code {child.returncode}). Its last lines,"
        f" from {home.log}:\n{home.log_tail()}"
    )


def answers(url: str) -> bool:
    """True once the miner has loaded everything."""
    try:
        with EngramClient(url) as client:
            client.ready()
    except Unavailable:
        return False
    return True


def stop_child(child: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL if it does not end in time or the user insists."""
    child.terminate()
    try:
        child.wait(STOP_TIMEOUT_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        child.kill()
        child.wait()


def stop_holder(home: Home, holder: Holder) -> None:
    """Stop the miner that holds the records. Its lock proves that the pid is its own.

    Raises Unavailable if it is still there after STOP_TIMEOUT_S.
    """
    if not holder.pid:  # signalling process 0 would mean our own process group
        raise Unavailable(f"Something is just opening {home.records}; try again in a moment.")
    os.kill(holder.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while time.monotonic() < deadline:
        now = home.holder()
        if now is None or now.pid != holder.pid:
            return
        time.sleep(POLL_S)
    raise Unavailable(
        f"The miner with pid {holder.pid} did not stop within {STOP_TIMEOUT_S:.0f} s;"
        f" its log is {home.log}. To end it at once: kill -9 {holder.pid}"
    )

"""Starting a local network, waiting for it, finding it again and stopping it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from engram.cli.network import report
from engram.cli.network.asking import ask
from engram.cli.network.layout import PROBES, SUPERVISOR, Layout
from engram.cli.network.report import NodeReport
from engram.cli.network.supervisor import STOP_TIMEOUT_S
from engram.errors import NotReady, Unavailable
from engram.storage import Holder

POLL_S = 0.1
MARGIN_S = 5.0  # beyond what the supervisor gives its nodes to end


@dataclass(frozen=True)
class Size:
    """How large a network, and from which port on."""

    miners: int
    validators: int
    first_port: int


def start(layout: Layout, size: Size, *, leashed: bool) -> subprocess.Popen[bytes]:
    """Start the supervisor, out of reach of a Ctrl-C in this terminal.

    ``leashed``: it ends when this process does, however that ends.
    """
    layout.root.mkdir(parents=True, exist_ok=True)
    options = ["--port", str(size.first_port)]
    options += ["--miners", str(size.miners), "--validators", str(size.validators)]
    with layout.log(SUPERVISOR).open("wb") as log:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "engram.cli.network", str(layout.root)),
                *options,
                *(["--leashed"] if leashed else []),
            ],
            stdin=subprocess.PIPE if leashed else subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def wait_ready(
    layout: Layout, supervisor: subprocess.Popen[bytes], waiting: Callable[[float], None]
) -> list[NodeReport]:
    """The nodes once all of them serve. ``waiting`` is told the seconds so far.

    Raises NotReady with the last words of whatever ends instead.
    """
    began = time.monotonic()
    while supervisor.poll() is None:
        nodes = mine(layout, supervisor.pid)
        for node in nodes:
            if node.exit_code is not None:
                raise NotReady(last_words(layout, node.name, node.exit_code))
        if nodes and all(serves(node) for node in nodes):
            return nodes
        waiting(time.monotonic() - began)
        time.sleep(POLL_S)
    raise NotReady(last_words(layout, SUPERVISOR, supervisor.returncode))


def mine(layout: Layout, pid: int) -> list[NodeReport]:
    """The report, if it is that supervisor's and not one of before."""
    holder = layout.holder()
    return report.read(layout.report) if holder is not None and holder.pid == pid else []


def serves(node: NodeReport) -> bool:
    """True once a node has loaded everything."""
    return ask(node.url + PROBES[node.role]) is not None


def last_words(layout: Layout, name: str, code: int) -> str:
    return (
        f"The {name} stopped while starting (exit code {code}). Its last lines, from "
        f"{layout.log(name)}:\n{layout.log_tail(name)}"
    )


def stop(supervisor: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL if it does not end in time or the user insists: the nodes end too."""
    supervisor.terminate()
    try:
        supervisor.wait(STOP_TIMEOUT_S + MARGIN_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        supervisor.kill()
        supervisor.wait()


def stop_holder(layout: Layout, holder: Holder) -> None:
    """Stop the supervisor that runs here. Its lock proves that the pid is its own.

    Raises Unavailable if it is still there after its time.
    """
    if not holder.pid:  # signalling process 0 would mean our own process group
        raise Unavailable(f"Something is just opening {layout.root}; try again in a moment.")
    os.kill(holder.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S + MARGIN_S
    while time.monotonic() < deadline:
        now = layout.holder()
        if now is None or now.pid != holder.pid:
            return
        time.sleep(POLL_S)
    raise Unavailable(
        f"The network with pid {holder.pid} did not stop; its log is {layout.log(SUPERVISOR)}. "
        f"To end it at once: kill -9 {holder.pid}"
    )

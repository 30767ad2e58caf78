"""``python -m engram.cli.network FOLDER``: the supervisor, as ``engram up`` starts it."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from threading import Event, Thread

from engram.cli.failure import report as report_failure
from engram.cli.network import ports
from engram.cli.network.child import Child
from engram.cli.network.layout import Layout
from engram.cli.network.leash import end_with_parent
from engram.cli.network.plan import plans, roles
from engram.cli.network.registry import prepare
from engram.cli.network.supervisor import STOP_TIMEOUT_S, Supervisor
from engram.errors import EngramError, StoreLocked
from engram.storage import describe_holder
from engram.storage.lock import DirectoryLock

POLL_S = 0.1


def main() -> None:
    """Run until SIGTERM; the exit code is that of the error that kept it from starting."""
    given = options()
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    if given.leashed:
        Thread(target=end_with_parent, name="leash", daemon=True).start()
    layout = Layout(given.folder)
    try:
        DirectoryLock(layout.root)  # until this process is gone, so that `down` waits for its end
        supervise(layout, given, stop)
    except EngramError as error:
        sys.exit(report_failure(error, as_json=False))


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m engram.cli.network")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, required=True, help="first port to try")
    parser.add_argument("--miners", type=int, required=True)
    parser.add_argument("--validators", type=int, required=True)
    parser.add_argument("--leashed", action="store_true", help="end when standard input does")
    return parser.parse_args()


def supervise(layout: Layout, given: argparse.Namespace, stop: Event) -> None:
    """Prepare ledger and keys, then keep the nodes running."""
    layout.report.unlink(missing_ok=True)
    kinds = roles(given.miners, given.validators)
    wait_for_predecessors(layout, list(kinds), stop)
    hotkeys = prepare(layout, kinds)
    for_miners, for_validators = ports.choose(given.port, given.miners, given.validators)
    numbers = dict(zip(kinds, [*for_miners, *for_validators], strict=True))
    children = [Child(plan) for plan in plans(layout, kinds, hotkeys, numbers)]
    Supervisor(layout, children).run(stop)


def wait_for_predecessors(layout: Layout, nodes: list[str], stop: Event) -> None:
    """Wait for nodes of a supervisor that was killed: they are ending.

    Raises StoreLocked if one does not.
    """
    deadline = time.monotonic() + STOP_TIMEOUT_S
    for name in nodes:
        while (holder := describe_holder(layout.data(name))) and not stop.wait(POLL_S):
            if time.monotonic() > deadline:
                raise StoreLocked(
                    f"{layout.data(name)} is open in process {holder.pid}, which does not belong "
                    "to this network; stop it first."
                )


if __name__ == "__main__":
    main()

"""The process that keeps the nodes of a local network running until it is told to stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Event

from engram.cli.network import report
from engram.cli.network.child import Child
from engram.cli.network.layout import Layout

POLL_S = 0.1
STOP_TIMEOUT_S = 30.0  # draining takes 5 s by default, a last snapshot a few more


class Supervisor:
    """Starts what is planned, starts again what ends, and stops all of it together."""

    def __init__(
        self,
        layout: Layout,
        children: Sequence[Child],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.layout = layout
        self.children = children
        self._monotonic = monotonic

    def run(self, stop: Event) -> None:
        """Look after the children until ``stop`` is set, then stop them."""
        try:
            while not stop.is_set():
                self.look()
                stop.wait(POLL_S)
        finally:
            self.end()

    def look(self) -> None:
        """One round; the report is written anew if anything changed."""
        now = self._monotonic()
        changes = [child.tend(now) for child in self.children]
        if any(changes):
            self._report()

    def end(self) -> None:
        """Stop all, side by side."""
        for child in self.children:
            child.terminate()
        deadline = self._monotonic() + STOP_TIMEOUT_S
        for child in self.children:
            child.wait(max(0.0, deadline - self._monotonic()))
        self._report()

    def _report(self) -> None:
        report.write(self.layout.report, [child.report for child in self.children])

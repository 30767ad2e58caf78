"""The process that keeps the nodes of a local network running until it is told to stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Event

from engram.cli.network import report
from engram.cli.network.asking import ask_all
from engram.cli.network.child import Child
from engram.cli.network.layout import PROBES, Layout

POLL_S = 0.1
HOLD_S = 60.0  # a miner that is not ready by then is judged as it is
STOP_TIMEOUT_S = 30.0  # draining takes 5 s by default, a last snapshot a few more


def all_serve(urls: Sequence[str]) -> bool:
    """True if every one of these answers that it is ready."""
    return None not in ask_all(urls)


class Supervisor:
    """Starts what is planned, starts again what ends, and stops all of it together.

    Validators are held back until every miner has loaded, HOLD_S at the most: a miner that is
    probed before fails through no fault of its own. ``serve`` says whether all URLs answer.
    """

    def __init__(
        self,
        layout: Layout,
        children: Sequence[Child],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        serve: Callable[[Sequence[str]], bool] = all_serve,
    ) -> None:
        self.layout = layout
        self.children = children
        self._monotonic = monotonic
        self._serve = serve
        self._hold_until = monotonic() + HOLD_S
        self._held = [child for child in children if child.plan.role == "validator"]

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
        changes = [child.tend(now) for child in self.children if child not in self._held]
        if any(changes):
            self._report()
        if self._held and (now >= self._hold_until or self._miners_serve()):
            self._held = []

    def _miners_serve(self) -> bool:
        miners = [child.plan for child in self.children if child.plan.role == "miner"]
        return self._serve([plan.url + PROBES[plan.role] for plan in miners])

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

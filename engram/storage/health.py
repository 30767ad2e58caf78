"""Background threads that never die silently."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from threading import Event, Thread

log = logging.getLogger(__name__)

_FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 10.0


class Health:
    """Which background loops are failing, and how often any has failed."""

    def __init__(self) -> None:
        self.failures = 0
        self.failing: dict[str, str] = {}
        """Name of the loop to its last error, until a turn of it succeeds."""

    @property
    def healthy(self) -> bool:
        return not self.failing

    def failed(self, name: str, error: BaseException) -> None:
        """Note a failed turn."""
        self.failures += 1
        self.failing[name] = f"{type(error).__name__}: {error}"
        log.error("%s failed and will try again", name, exc_info=error)

    def succeeded(self, name: str) -> None:
        """Note a turn that went well."""
        self.failing.pop(name, None)


def answer(task: Callable[[], None], asker: Future[None]) -> None:
    """Do what another thread asked for; whatever it raises is raised where it was asked."""
    try:
        task()
    except Exception as error:  # noqa: BLE001  handed on, not swallowed
        asker.set_exception(error)
    else:
        asker.set_result(None)


class Loop(Thread):
    """Calls ``turn`` until it returns False. A turn that raises is reported and repeated."""

    def __init__(self, name: str, turn: Callable[[], bool], health: Health) -> None:
        super().__init__(name=f"engram-{name}", daemon=True)
        self._turn = turn
        self._health = health
        self._wake = Event()

    def run(self) -> None:
        wait = _FIRST_WAIT_S
        while True:
            try:
                if not self._turn():
                    return
            except Exception as error:  # noqa: BLE001  the boundary of background loops
                self._health.failed(self.name, error)
                self._wake.wait(wait)
                wait = min(2 * wait, _LONGEST_WAIT_S)
            else:
                wait = _FIRST_WAIT_S
                self._health.succeeded(self.name)

    def hurry(self) -> None:
        """Do not wait before repeating failed turns any more: the store is closing."""
        self._wake.set()

"""Faults that tests switch on: they are in the ledger, so every process meets them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from engram.chain.dev.ledger import Deadline
from engram.errors import ChainUnavailable

_LOOK_AGAIN_S = 0.05  # how soon a call that hangs sees that the fault is over


class Fault(StrEnum):
    """What is wrong with the chain."""

    DOWN = "down"
    """Every call fails at once."""
    FROZEN = "frozen"
    """No call is answered until its caller gives up."""
    SLOW = "slow"
    """Every call takes some seconds more."""
    REJECTING = "rejecting"
    """Every write is refused; reading works."""


Faults = dict[Fault, float]
"""Those that are on, with the seconds of ``slow``."""


def switched_on(connection: sqlite3.Connection) -> Faults:
    rows = connection.execute("SELECT kind, seconds FROM faults")
    return {Fault(kind): seconds for kind, seconds in rows}


def switch_on(connection: sqlite3.Connection, fault: Fault, seconds: float) -> None:
    connection.execute("INSERT OR REPLACE INTO faults VALUES (?, ?)", (fault.value, seconds))


def switch_off(connection: sqlite3.Connection) -> None:
    """All of them."""
    connection.execute("DELETE FROM faults")


@dataclass(frozen=True)
class Gate:
    """Lets a call through to the chain, or makes it suffer the faults that are on."""

    look: Callable[[], Faults]
    """Reads what is on now."""
    wait: Callable[[float], bool]
    """Waits some seconds; True, at once, if the chain was closed meanwhile."""

    def passed(self, deadline: Deadline) -> Faults:
        """What is on for a call that gets through. Raises ChainUnavailable for one that fails."""
        faults = self.look()
        if Fault.SLOW in faults:
            self._hang(faults[Fault.SLOW], deadline)
        while Fault.FROZEN in faults:
            self._hang(_LOOK_AGAIN_S, deadline)
            faults = self.look()
        if Fault.DOWN in faults:
            raise ChainUnavailable("the dev chain is down (a fault switch: engram chain fault)")
        return faults

    def _hang(self, seconds: float, deadline: Deadline) -> None:
        """Raises ChainUnavailable when the deadline comes first, or the chain is closed."""
        left = deadline.left
        if self.wait(min(seconds, left)):
            raise ChainUnavailable("this connection to the dev chain is closed")
        if seconds >= left:
            raise ChainUnavailable("the dev chain gave no answer in time")

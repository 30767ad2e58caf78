"""Which block is due: a shared clock instead of a node, so that no process has to be the node."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

BY_HAND = 0.0
_BACKWARDS_BLOCKS = 2  # a clock that was set back by more than this is not waited for


class Clock(NamedTuple):
    """Block ``anchor_block`` was due at ``anchor_time`` (unix seconds), the rest follows."""

    block_time: float
    anchor_block: int
    anchor_time: float

    def due(self, now: float, head: int) -> int:
        """The block that should be the head now; the head itself if blocks are made by hand."""
        if self.block_time == BY_HAND:
            return head
        return self.anchor_block + int((now - self.anchor_time) // self.block_time)

    def was_set_back(self, now: float, head: int) -> bool:
        """True if the machine's clock went back so far that the chain would stand still."""
        return self.due(now, head) < head - _BACKWARDS_BLOCKS


def read(connection: sqlite3.Connection) -> Clock:
    return Clock(*connection.execute("SELECT * FROM chain").fetchone())


def start(connection: sqlite3.Connection, block_time: float, now: float) -> None:
    connection.execute("INSERT INTO chain VALUES (?, 0, ?)", (block_time, now))


def set_anchor(connection: sqlite3.Connection, block: int, now: float) -> None:
    """From here on, ``block`` was due now."""
    connection.execute("UPDATE chain SET anchor_block = ?, anchor_time = ?", (block, now))

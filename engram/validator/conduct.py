"""How a round ends: counted or discarded, and who has been silent for too long."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

import structlog

from engram.validator.state import evidence, miners
from engram.validator.state.evidence import Kind, Round
from engram.validator.uplink import own_fault, reached

log = structlog.get_logger("engram.validator")


class Conduct:
    """The same end for every kind of round."""

    def __init__(
        self,
        unreachable_after_s: float,
        patience_s: float,
        block: Callable[[], int | None],
        discarded: Callable[[Kind], None],
    ) -> None:
        """``block``: the last one known. ``discarded`` is told of each round that is no good."""
        self._unreachable_after_s = unreachable_after_s
        self._patience_s = patience_s
        self._block = block
        self._discarded = discarded

    def close(
        self,
        tx: sqlite3.Connection,
        kind: Kind,
        spoke: Mapping[int, bool],
        began_at: float,
        seconds: float,
    ) -> int | None:
        """The round's id; None if it is discarded, as our own fault.

        ``spoke``: miner to whether anything at all came back from it.
        """
        round_ = reached(spoke)
        ended_at = began_at + seconds
        fault = own_fault(tx, round_, ended_at, self._patience_s)
        done = Round(kind, began_at, seconds, self._block(), fault is None, fault or "")
        number = evidence.add_round(tx, done)
        if fault is not None:
            log.warning("a round is discarded as our own fault", kind=kind.value, reason=fault)
            self._discarded(kind)
            return None
        miners.note_answers(tx, round_.answered, round_.silent, ended_at)
        miners.suspend_silent(tx, ended_at - self._unreachable_after_s)
        return number

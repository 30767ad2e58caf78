"""Copies on their way: shares of lines and of byte rates, in steps of a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.scaling.rules import Rules
from engram.protocol import MAX_REPLICAS

STEP_S = 1.0
Floats = NDArray[np.float64]
Uids = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Flow:
    """Records that one miner starts to bring to another at a moment."""

    sender: int
    receiver: int
    records: int
    ready_s: float


@dataclass(frozen=True, slots=True)
class Course:
    """How it went. ``missing``: copies not made yet at 0, 1, 2, ... seconds after the loss."""

    missing: Floats
    busiest_sender: float
    """Records that it sent."""
    busiest_receiver: float

    def until(self, share: float) -> float:
        """Seconds after the loss until that share of the missing copies was made."""
        left = self.missing[0] * (1 - share)
        return float(np.argmax(self.missing <= left + 1e-6)) * STEP_S


def course(flows: Sequence[Flow], record_bytes: float, rules: Rules) -> Course:
    """Let all flows run to their end.

    A miner's byte rate is shared equally among those it sends to, its line among those that send to
    it; one pair has one request under way.
    """
    pairs = sorted({(flow.sender, flow.receiver) for flow in flows})
    row = {pair: at for at, pair in enumerate(pairs)}
    senders, receivers = np.array(pairs, np.intp).reshape(-1, 2).T
    coming = sorted(flows, key=lambda flow: flow.ready_s, reverse=True)
    waiting = np.zeros(len(pairs))
    total = float(sum(flow.records for flow in flows))
    made, now = [0.0], 0.0
    while coming or waiting.any():
        while coming and coming[-1].ready_s <= now:
            flow = coming.pop()
            waiting[row[flow.sender, flow.receiver]] += flow.records
        most = rates(waiting > 0, senders, receivers, rules) * STEP_S / record_bytes
        moved = np.minimum(waiting, np.minimum(most, MAX_REPLICAS * STEP_S / rules.request_s))
        waiting -= moved
        now += STEP_S
        made.append(made[-1] + float(moved.sum()))
    sent = np.bincount(senders, [_records(flows, pair) for pair in pairs])
    got = np.bincount(receivers, [_records(flows, pair) for pair in pairs])
    return Course(total - np.array(made), float(sent.max()), float(got.max()))


def rates(active: NDArray[np.bool_], senders: Uids, receivers: Uids, rules: Rules) -> Floats:
    """Bytes per second of each active pair, 0 of the others."""
    found = np.zeros(len(active))
    for ends, most in (
        (senders, min(rules.repair_bytes_per_s, rules.line_bytes_per_s)),
        (receivers, rules.line_bytes_per_s),
    ):
        crowd = np.bincount(ends[active])[ends[active]]
        share = most / crowd
        found[active] = share if ends is senders else np.minimum(found[active], share)
    return found


def _records(flows: Sequence[Flow], pair: tuple[int, int]) -> int:
    return sum(flow.records for flow in flows if (flow.sender, flow.receiver) == pair)

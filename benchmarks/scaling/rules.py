"""The network's own rules in numbers, and what the simulation assumes besides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engram.config import MinerSettings
from engram.miner.replication import inquiry, peers, rounds
from engram.protocol import MAX_ABSENT


def default(name: str) -> Any:
    """A miner's setting as it ships, whatever the environment says."""
    return MinerSettings.model_fields[name].default


@dataclass(frozen=True, slots=True)
class Rules:
    """Seconds and bytes per second."""

    absent_after_s: float = default("absent_after_s")
    compare_every_s: float = default("compare_every_s")
    repair_bytes_per_s: float = default("repair_bytes_per_s")
    most_absent: int = MAX_ABSENT
    silence_s: float = peers.CONNECT_S
    """What a comparison with a host takes that is gone."""
    hang_s: float = inquiry.TIMEOUT_S
    """What it takes with one that accepts the connection and says nothing."""
    at_once: int = rounds.AT_ONCE
    soon: int = rounds.SOON
    exchange_s: float = 0.15
    """Assumed: a round trip round half the world, and the answer."""
    request_s: float = 0.4
    """Assumed: a full POST /replica, its checks and its commit; one at a time to each member."""
    line_bytes_per_s: float = 12.5e6
    """Assumed: 100 Mbit/s each way for every miner."""

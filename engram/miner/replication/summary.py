"""How a node's part in the network stands, for /stats and /metrics."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from engram.dht import Member
from engram.miner.replication.replication import Replication

Json = dict[str, Any]


def summary(replication: Replication) -> Json:
    """Everything as of now, in plain data. Reads memory only."""
    absent = replication.reach.absent()
    peers = [peer(replication, member, absent) for member in replication.holders.others]
    return {
        "member": replication.holders.local is not None,
        "outbox": sum(replication.outbox.waiting.values()),
        "behind_s": replication.outbox.behind_s,
        "peers": peers,
        "answering": sum(each["silent_s"] is None for each in peers),
        "absent": [each["uid"] for each in peers if each["absent"]],
        "deliveries": asdict(replication.tally),
        "comparisons": asdict(replication.compare.tally),
        "foreign": {
            "held": replication.foreign.foreign,
            "forgotten": replication.foreign.forgotten,
            "missing": replication.foreign.missing,
        },
        "yielded_s": round(replication.courtesy.yielded_s, 3),
    }


def peer(replication: Replication, member: Member, absent: frozenset[int]) -> Json:
    """One other member."""
    silent_s = replication.reach.silent_s(member)
    return {
        "uid": member.uid,
        "hotkey": member.hotkey,
        "waiting": replication.outbox.waiting.get(member.seat, 0),
        "silent_s": None if silent_s is None else round(silent_s, 1),
        "absent": member.uid in absent,
    }

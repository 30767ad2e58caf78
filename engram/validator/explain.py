"""Why a miner has the weight that it has, down to single probes: for the validator's operator."""

from __future__ import annotations

import sqlite3
from typing import Any

from engram.core.scores import LATENCY_WEIGHT, PROOF_WEIGHT, RECALL_WEIGHT
from engram.errors import NotFound
from engram.validator import report
from engram.validator.state import evidence, weight_sets
from engram.validator.state.evidence import Kind
from engram.validator.state.weight_sets import WeightSet

Json = dict[str, Any]
EVERYTHING = 2**62


def explain(connection: sqlite3.Connection, uid: int, window_rounds: int) -> Json:
    """The last weight set, how the miner stood in it, and the samples and values behind that.

    Raises NotFound if the validator never saw such a miner.
    """
    miner = connection.execute(
        "SELECT id, uid, hotkey, registered_at FROM miners WHERE uid = ? ORDER BY id DESC LIMIT 1",
        (uid,),
    ).fetchone()
    if miner is None:
        raise NotFound(f"This validator never saw a miner with UID {uid}.")
    found = weight_sets.latest(connection, 1)
    last = found[0] if found else None
    rounds = rounds_of(connection, last, window_rounds)
    return {
        "uid": uid,
        "hotkey": miner["hotkey"],
        "weight_set": report.sets([last])[0] | {"weights": None} if last else None,
        "weight": last.weights.get(miner["hotkey"], 0.0) if last else None,
        "standing": stood(last, miner["id"]),
        "probes": report.samples(connection, miner["id"], rounds, EVERYTHING),
        "proofs": report.values(connection, miner["id"], EVERYTHING),
    }


def rounds_of(
    connection: sqlite3.Connection, last: WeightSet | None, window_rounds: int
) -> list[int]:
    """The scoring rounds that a weight set rests on; the last ones if there is no set."""
    if last is None:
        return evidence.last_rounds(connection, Kind.SCORING, window_rounds)
    rows = connection.execute(
        "SELECT id FROM rounds WHERE kind = ? AND counted AND id <= ? ORDER BY id DESC LIMIT ?",
        (Kind.SCORING, last.last_round, window_rounds),
    )
    return [row["id"] for row in rows]


def stood(last: WeightSet | None, miner: int) -> Json | None:
    """The miner in a weight set's evidence."""
    evidence_of = last.evidence if last else []
    return next((one for one in evidence_of if one["miner"] == miner), None)


def told(explanation: Json) -> list[str]:
    """The explanation as lines."""
    lines = [f"UID {explanation['uid']}  {explanation['hotkey']}", *told_weight(explanation)]
    standing = explanation["standing"]
    if standing is not None:
        lines += told_standing(standing)
    lines += ["", "probes, the newest first:"]
    lines += [told_probe(probe) for probe in explanation["probes"]] or ["  none yet"]
    lines += ["", "proofs, the newest first (the last 30 count):"]
    lines += [told_value(value) for value in explanation["proofs"]] or ["  none yet"]
    return lines


def told_weight(explanation: Json) -> list[str]:
    """The weight and what the chain said to it."""
    made = explanation["weight_set"]
    if made is None:
        return ["no weights were worked out yet"]
    said = f"{made['state']} at block {made['block']} ({made['code'] or 'not sent yet'})"
    return [f"weight {explanation['weight']:.4f} in weight set {made['id']}, {said}"]


def told_standing(standing: Json) -> list[str]:
    """The formula with its numbers."""
    if standing["composite"] is None:
        return [f"  composite none: {standing['status']}"]
    parts = (
        f"{RECALL_WEIGHT} x recall {standing['recall']:.3f} + "
        f"{LATENCY_WEIGHT} x latency {standing['latency_score']:.3f} "
        f"({standing['latency_ms']:.0f} ms) + "
        f"{PROOF_WEIGHT} x proofs {standing['proof_rate']:.3f}"
    )
    return [
        f"  composite {standing['composite']:.4f} = {parts}",
        f"  {standing['status']}; {standing['known']} records known, "
        f"{standing['samples']} answers, {standing['challenges']} proof values",
    ]


def told_probe(probe: Json) -> str:
    """One answer on one line."""
    text = " ".join((probe.get("text") or "").split())[:60]
    return (
        f"  round {probe['round']}  {probe['verdict']:<11} recall {probe['recall']:.2f}  "
        f"{probe['latency_ms']:.0f} ms  {probe['detail']} near: {text}"
    )


def told_value(value: Json) -> str:
    """One value on one line."""
    return (
        f"  round {value['round']}  {value['kind']:<9} {value['verdict']:<11} "
        f"{value['value']:.2f} of {value['asked']}  {value['detail']}"
    ).rstrip()

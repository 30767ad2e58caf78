"""What the validator tells others, from its state. Live probes only by their hashes."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable
from typing import Any

from engram.validator import reward
from engram.validator.obligations import obligations
from engram.validator.roster import Assignments, Miner
from engram.validator.state import evidence, offers, weight_sets
from engram.validator.state.evidence import Kind
from engram.validator.state.weight_sets import WeightSet

Json = dict[str, Any]
CID = re.compile(r"v1::[0-9a-f]{64}")
SHOWN_VALUES = 30  # all that count


def scores(
    connection: sqlite3.Connection, assignments: Assignments, rules: reward.Rules
) -> list[Json]:
    """How each miner stands, by ascending UID."""
    owed = obligations(connection, assignments)
    stood = [
        reward.standing(connection, miner, len(owed.of(miner.id)), rules)
        for miner in assignments.miners.values()
    ]
    shares = reward.weights(stood)
    last = weight_sets.last_set(connection)
    on_chain = last.weights if last else {}
    posted = offers.counts(connection)
    return [
        one.as_dict()
        | {
            "minimum": rules.min_known,
            "offers": posted.get(one.miner.id, {}),
            "weight": shares.get(one.miner.hotkey, 0.0),
            "weight_set": on_chain.get(one.miner.hotkey),
        }
        for one in stood
    ]


def of_miner(
    connection: sqlite3.Connection, miner: Miner, rules: reward.Rules, public_to: int
) -> Json:
    """The samples and values behind a miner's score.

    Probes of rounds up to ``public_to`` are told with their text, later ones by their hash.
    """
    rounds = evidence.last_rounds(connection, Kind.SCORING, rules.window_rounds)
    return {
        "rounds": rounds,
        "probes": samples(connection, miner.id, rounds, public_to),
        "proofs": values(connection, miner.id, public_to),
    }


def samples(
    connection: sqlite3.Connection, miner: int, rounds: list[int], public_to: int
) -> list[Json]:
    """A miner's answers in these rounds, the newest first."""
    marks = ",".join("?" * len(rounds))
    rows = connection.execute(
        "SELECT s.round, digest, s.verdict, s.recall, s.latency_ms, s.detail, "
        "cid, metadata FROM samples AS s JOIN probes ON probes.id = probe "
        "JOIN records ON records.id = probes.record "
        "JOIN contents ON contents.record = probes.record "
        f"WHERE miner = ? AND s.round IN ({marks}) "
        "ORDER BY s.round DESC, probe",
        (miner, *rounds),
    )
    return [sample(row, revealed=row["round"] <= public_to) for row in rows]


def sample(row: sqlite3.Row, *, revealed: bool) -> Json:
    """One answer; what it was about only once that is no secret any more."""
    told = {
        "round": row["round"],
        "probe": row["digest"],
        "verdict": row["verdict"],
        "recall": row["recall"],
        "latency_ms": round(row["latency_ms"], 3),
        "detail": row["detail"],
    }
    if revealed:
        metadata = json.loads(row["metadata"])
        told |= {"cid": row["cid"], "text": metadata.get("text")}
    return told


def values(connection: sqlite3.Connection, miner: int, public_to: int) -> list[Json]:
    """The values of a miner's proof rate, the newest first."""
    rows = connection.execute(
        "SELECT round, kind, verdict, value, asked, detail FROM checks WHERE miner = ? "
        "ORDER BY id DESC LIMIT ?",
        (miner, SHOWN_VALUES),
    )
    return [value(row, revealed=row["round"] <= public_to) for row in rows]


def value(row: sqlite3.Row, *, revealed: bool) -> Json:
    """One value; which records it was about only once that is no secret any more."""
    told = dict(row)
    return told if revealed else told | {"detail": CID.sub("a record", told["detail"])}


def history(connection: sqlite3.Connection, uid: int | None, count: int) -> list[Json]:
    """How miners stood after the last ``count`` scoring rounds, the newest first."""
    rounds = evidence.last_rounds(connection, Kind.SCORING, count)
    marks = ",".join("?" * len(rounds))
    rows = connection.execute(
        "SELECT round, began_at, block, uid, hotkey, recall, latency_ms, latency_score, "
        "proof_rate, composite, scores.average, slashed FROM scores "
        "JOIN miners ON miners.id = miner JOIN rounds ON rounds.id = round "
        f"WHERE round IN ({marks}) AND (uid = ? OR ? IS NULL) ORDER BY round DESC, uid",
        (*rounds, uid, uid),
    )
    return [dict(row) | {"slashed": bool(row["slashed"])} for row in rows]


def sets(found: Iterable[WeightSet]) -> list[Json]:
    """Weight sets, without their evidence."""
    return [
        {
            "id": one.id,
            "made_at": one.made_at,
            "block": one.submitted_block or one.made_block,
            "state": one.stage.value,
            "code": one.code,
            "message": one.message,
            "reveal_block": one.reveal_block,
            "weights": one.weights,
        }
        for one in found
    ]

"""Two of five miners are killed and lose their disks: first they stay dead, then they return empty.

Real processes with the local network's short cadences. "What must hold" 1 of issue 5, as far as
miners can show it.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from engram.core.embedding import to_base64
from tests.miner.replication.grid import records
from tests.miner.replication.processes import Processes, processes

MINERS = 5


def stored(network: Processes, count: int, seed: int) -> list[str]:
    """CIDs of records that three miners acknowledged."""
    cids = []
    for number, record in enumerate(records(count, seed)):
        vector = to_base64(record.embedding)
        body = {"embedding_b64": vector, "metadata": record.metadata, "min_replicas": 3}
        status, reply = network.miners[number % MINERS].ask("POST", "/IngestSynapse", body)
        assert (status, reply["replicas"]["acknowledged"]) == (200, 3), reply
        cids.append(reply["cid"])
    return cids


def lose_two(network: Processes, cids: list[str], chance: random.Random) -> None:
    """Two holders of a record, with all that they had, and then the same two come back empty."""
    victims = chance.sample(network.holders(chance.choice(cids)), 2)
    placed = placement(network, cids)
    with network.reading(cids) as missed:
        for miner in victims:
            miner.kill()
        for miner in victims:
            miner.wipe()
        left = [miner for miner in network.miners if miner not in victims]
        network.until(
            "stand-ins have copies of everything",
            lambda: all(miner.held(cids) == set(cids) for miner in left),
        )
        for miner in victims:
            miner.start()
        network.until(
            "those who came back are whole",
            lambda: all(placed[m.name] <= m.held(cids) for m in network.miners),
        )
    assert missed == []
    network.until("nobody stands in for them any more", lambda: not absent(network))
    for miner in victims:
        a_record = min(placed[miner.name])
        found = miner.answers(f"/retrieve/{a_record}")
        assert found is not None and found["cid"] == a_record


def placement(network: Processes, cids: list[str]) -> dict[str, set[str]]:
    """What each miner is to hold, by its name."""
    placed: dict[str, set[str]] = {miner.name: set() for miner in network.miners}
    for cid in cids:
        for miner in network.holders(cid):
            placed[miner.name].add(cid)
    return placed


def absent(network: Processes) -> bool:
    """True if a miner has others stand in for somebody, or does not answer."""
    stats = [miner.answers("/stats") for miner in network.miners]
    return any(found is None or found["replication"]["absent"] for found in stats)


@pytest.mark.slow
def test_two_holders_die_and_return_with_empty_disks(tmp_path: Path) -> None:
    with processes(tmp_path / "network", MINERS) as network:
        lose_two(network, stored(network, 40, seed=1), random.Random(1))


@pytest.mark.chaos
@pytest.mark.timeout(3_600)
def test_any_two_again_and_again(tmp_path: Path) -> None:
    with processes(tmp_path / "network", MINERS) as network:
        cids = list[str]()
        for seed in range(2, 8):
            cids += stored(network, 150, seed)
            lose_two(network, cids, random.Random(seed))

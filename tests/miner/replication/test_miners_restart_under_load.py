"""Records come in while one miner after the other is killed and started again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.miner.live_network import Json, LiveNetwork, items, live_network

MINERS = 5
BATCH = 20


@dataclass
class Restarts:
    """Kills one miner every so often, and starts it again."""

    net: LiveNetwork
    every_s: float
    chance: random.Random
    killed: list[int] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.stop.wait(self.every_s):
            number = self.chance.randrange(MINERS)
            self.killed.append(number)
            self.net.miners[number].kill()
            self.net.restart(number)


@contextmanager
def restarting(net: LiveNetwork, every_s: float, chance: random.Random) -> Iterator[Restarts]:
    restarts = Restarts(net, every_s, chance)
    thread = threading.Thread(target=restarts.run)
    thread.start()
    try:
        yield restarts
    finally:
        restarts.stop.set()
        thread.join()


def acknowledged(reply: httpx.Response) -> list[str]:
    """The CIDs that the miner says are stored."""
    outcomes = reply.json()["outcomes"] if reply.status_code == 200 else []
    return [each["cid"] for each in outcomes if "cid" in each]


def write(net: LiveNetwork, count: int, restarts: int, chance: random.Random) -> set[str]:
    """Write to any miner, until so many are acknowledged and so many miners were killed."""
    stored: set[str] = set()
    with restarting(net, 10 if count > 1_000 else 2, chance) as going:
        seed = 0
        while len(stored) < count or len(going.killed) < restarts:
            seed += 1
            body = {"items": items(BATCH, seed)}
            try:
                stored |= {*acknowledged(net.post(chance.randrange(MINERS), "/batch/ingest", body))}
            except httpx.HTTPError:
                time.sleep(0.1)  # it was killed: what it did not acknowledge is its own affair
            if len(stored) >= count:
                time.sleep(0.1)
    return stored


def seems_done(shared: Json) -> bool:
    """True if the miner thinks that nothing is left to deliver or to forget."""
    return (shared["outbox"], shared["foreign"]["held"]) == (0, 0)


def check(folder: Path, count: int, restarts: int) -> None:
    chance = random.Random(5)
    with live_network(folder, MINERS, keep_foreign_s="8") as net:
        stored = write(net, count, restarts, chance)

        def each_holds_its_assignment() -> bool:
            if not all(seems_done(net.replication(miner)) for miner in net.miners):
                return False  # to ask costs less than to list
            everything = set().union(*map(net.held, range(MINERS)))
            assert stored <= everything
            due = net.assignments(sorted(everything))
            return [net.held(number) for number in range(MINERS)] == due

        net.until(
            "every record is at its three holders and nowhere else", each_holds_its_assignment
        )


@pytest.mark.slow
def test_every_acknowledged_record_ends_at_its_three_holders(tmp_path: Path) -> None:
    check(tmp_path / "net", 500, restarts=2)


@pytest.mark.chaos
def test_the_same_with_ten_thousand(tmp_path: Path) -> None:
    """Issue 5, what must hold, 2."""
    check(tmp_path / "net", 10_000, restarts=10)

"""A miner's link to a dev chain whose blocks, clock and faults are in the test's hands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from engram.chain.interface import Axon, Chain
from engram.dht import RoutingTable
from engram.miner.chain_link import ChainLink, Pace, Place
from tests.chain.worlds import NETUID, World, dev_world, signer

EVERY = 10
"""Blocks between placements."""
OURS = Axon("127.0.0.1", 8091)
PACE = Pace(connect_every_s=10, metagraph_every_s=300)


@dataclass
class Clock:
    """Seconds that pass when the test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Linked:
    """A link whose turns are taken by the test, and what surrounds it."""

    world: World
    chain: Chain
    link: ChainLink
    clock: Clock
    answering: set[str]
    """URLs at which a node serves."""
    slept: list[float] = field(default_factory=list)

    def turn(self, times: int = 1) -> None:
        """Take turns, and let the time between them pass."""
        for _ in range(times):
            self.slept.append(self.link.turn())
            self.clock.now += self.slept[-1]

    def resync(self) -> None:
        """Let the time until the next metagraph pass."""
        self.clock.now += PACE.metagraph_every_s
        self.turn()


@contextmanager
def linked(
    folder: Path,
    world: World,
    *,
    name: str = "miner",
    axon: Axon | None = OURS,
    coldkey_here: Path | None = None,
    chain: Chain | None = None,
    deadline_s: float = 5.0,
) -> Iterator[Linked]:
    """A miner of that name on the world's chain."""
    clock, answering = Clock(), {axon.url} if axon else set()
    key = signer(name)
    chain = chain or world.open(key, deadline_s=deadline_s)
    link = ChainLink(
        chain,
        RoutingTable(EVERY, key.hotkey, folder / f"placement-{name}"),
        Place(NETUID, key.hotkey, coldkey_here, "127.0.0.1", axon),
        PACE,
        ready=lambda: True,
        answers=answering.__contains__,
        monotonic=clock,
    )
    try:
        yield Linked(world, chain, link, clock, answering)
    finally:
        link.close()


@contextmanager
def linked_on_dev_chain(folder: Path) -> Iterator[Linked]:
    """A registered miner on a chain of its own."""
    with dev_world(folder) as world:
        world.register("miner")
        world.advance()
        with linked(folder, world) as miner:
            yield miner

"""A simulated miner: everything of the real one but its sockets, threads, disk, keys and model."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, cast

import numpy as np

from engram.chain.interface import Axon
from engram.chain.signatures import verify
from engram.config import MinerSettings
from engram.dht import RoutingTable
from engram.embedding.interface import Embedded
from engram.miner.chain_link import ChainLink, Pace, Place
from engram.miner.embedder import MinerEmbedder
from engram.miner.node import Node
from engram.miner.replication.clock import NodeClock
from engram.miner.replication.replication import Replication
from engram.miner.routes import build_app
from engram.miner.store import MinerStore
from engram.storage.interface import Embedding
from tests.simulation.chain import Ledger, SimulatedChain
from tests.simulation.clock import SkewedClock
from tests.simulation.disk import Disk
from tests.simulation.doorway import doorway
from tests.simulation.keys import Key
from tests.simulation.life import Life
from tests.simulation.network import Handler, Network
from tests.simulation.peers import SimulatedPeers
from tests.simulation.threads import MACHINES, Machine, Speed

NETUID = 1


@dataclass
class Miner:
    """What outlives the process: disk, key, address, clock; and the process, while there is one."""

    name: str
    uid: int
    key: Key
    axon: Axon
    disk: Disk
    clock: SkewedClock
    network: Network
    ledger: Ledger
    random: Random
    settings: MinerSettings
    folder: Path
    disguise: Callable[[Handler], Handler] = lambda handler: handler
    """What a lying miner puts in front of its doors."""
    speed: Speed = field(default_factory=Speed)
    life: Life | None = None
    node: Node | None = None
    chain: SimulatedChain = field(init=False)

    def __post_init__(self) -> None:
        self.chain = SimulatedChain(self.ledger, self.uid)
        self.network.name(self.axon.url, self.name)

    @property
    def alive(self) -> bool:
        return self.life is not None and self.life.alive

    def start(self) -> None:
        """Begin a process, on whatever the disk holds."""
        assert not self.alive
        self.life = Life(self.name)
        MACHINES[self.life] = Machine(self.life, self.random, self.speed)
        self.life.run(self._live(self.life))

    def crash(self) -> None:
        """SIGKILL."""
        assert self.life is not None
        self.life.end()
        MACHINES.pop(self.life)
        self.node = None

    async def _live(self, life: Life) -> None:
        node = Node(self.settings, clock=self.clock.now, monotonic=self.clock.monotonic)
        link = SimulatedLink(
            self.chain,
            RoutingTable(self.settings.placement_blocks, self.key.hotkey, self.folder / self.name),
            Place(NETUID, self.key.hotkey, None, self.axon.ip, self.axon),
            Pace(self.settings.connect_every_s, self.settings.metagraph_every_s),
            ready=lambda: node.ready,
            answers=lambda _: True,
            monotonic=self.clock.monotonic,
        )
        link.life = life
        node.join(link)
        machine = MACHINES[life]
        self.disk.commit = lambda call: machine.run(call, writes=True)
        deadline_s = self.settings.request_deadline_s
        node.open(MinerStore(self.disk, deadline_s, node.landing), self._embedder(node))
        node.replicate(self._replication(node))
        self.node = node
        self.network.listen(self.name, life, self.disguise(doorway(build_app(node))))

    def _embedder(self, node: Node) -> MinerEmbedder:
        return MinerEmbedder(
            cast(Any, RandomEmbedder),
            cast(Any, Batcher()),
            deadline_s=self.settings.request_deadline_s,
            landing=node.landing,
            batch_share=16,
        )

    def _replication(self, node: Node) -> Replication:
        clock = NodeClock(node.clock, node.monotonic)
        return Replication(
            signer=self.key,
            verify=verify,
            table=node.table,
            shelf=node.store,
            peers=SimulatedPeers(self.name, self.key, clock, self.network, self.random),
            clock=self.clock,
            settings=self.settings,
            chance=self.random,
            side_texts=node.embedder.exact_bytes,
            searches=lambda: node.searching,
        )


class SimulatedLink(ChainLink):
    """The link to the chain, with a task in the place of its thread."""

    life: Life

    def start(self) -> None:
        self.life.run(self._run())

    async def _run(self) -> None:
        while True:  # noqa: ASYNC110  a turn says itself when the next one is due
            await asyncio.sleep(self.turn())

    def close(self) -> None:
        pass


class RandomEmbedder:
    """Each text has a random vector of its own."""

    name = "random"
    exact = True
    fallback = None


class Batcher:
    """Embeds at once."""

    def submit(self, text: str, urgent: bool) -> Future[Embedded]:
        future: Future[Embedded] = Future()
        future.set_result(Embedded(vector_of(text), False))
        return future

    def close(self) -> None:
        pass


def vector_of(text: str) -> Embedding:
    """The text's vector, the same in every process."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).standard_normal(384).astype(np.float32)

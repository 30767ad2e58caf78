"""A subnet in one process: miners, their chain and network, and a clock that nobody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from engram.chain.interface import Axon, Neuron
from engram.config import MinerSettings
from tests.simulation.chain import Ledger, block_hash
from tests.simulation.clock import SkewedClock
from tests.simulation.disk import Disk, Watcher
from tests.simulation.keys import Key, quick_signatures
from tests.simulation.miner import Miner
from tests.simulation.network import Network
from tests.simulation.threads import SimulatedPool
from tests.simulation.trace import Trace

PORT = 8091


class World:
    """Everything there is. To be made on the loop of a simulation."""

    def __init__(
        self,
        seed: int,
        folder: Path,
        *,
        miners: int,
        trace: Trace | None = None,
        watcher: Watcher | None = None,
        **settings: Any,
    ) -> None:
        self.random = Random(seed)
        self.folder = folder
        self.loop = asyncio.get_running_loop()
        self.trace = trace or Trace()
        self.network = Network(self.part("network"), self.trace)
        self.ledger = Ledger()
        self.watcher = watcher
        self.settings = MinerSettings(data_dir=folder, **settings)
        self.miners = [self._miner(uid) for uid in range(miners)]
        self.ledger.found([neuron_of(miner.uid, miner.key, miner.axon) for miner in self.miners])

    def part(self, name: str) -> Random:
        """Chance for one part of the world, so that what others draw does not change it."""
        return Random(f"{self.random.getrandbits(64)} {name}")

    def _miner(self, uid: int) -> Miner:
        name = f"m{uid}"
        clock = SkewedClock(self.loop)
        return Miner(
            name=name,
            uid=uid,
            key=Key(name),
            axon=Axon(f"10.0.0.{uid + 1}", PORT),
            disk=Disk(name, clock.now, self.watcher),
            clock=clock,
            network=self.network,
            ledger=self.ledger,
            random=self.part(name),
            settings=self.settings,
            folder=self.folder,
        )

    def start(self, miners: Sequence[Miner] | None = None) -> None:
        for miner in self.miners if miners is None else miners:
            miner.start()


def neuron_of(uid: int, key: Key, axon: Axon | None) -> Neuron:
    """Registered long ago; a validator if it announces no address."""
    registered_at = 1 + uid
    return Neuron(
        uid=uid,
        hotkey=key.hotkey,
        coldkey="cold",
        public_key=key.public_key,
        axon=axon,
        stake=0.0 if axon else 100.0,
        incentive=0.0,
        dividends=0.0,
        emission=0.0,
        validator_permit=axon is None,
        last_update=0,
        registered_at=registered_at,
        registered_hash=block_hash(registered_at),
    )


@contextmanager
def simulated_parts() -> Iterator[None]:
    """Keys and thread pools are simulated in all of Engram while this is open."""
    with ExitStack() as stack:
        stack.enter_context(quick_signatures())
        stack.enter_context(patch("engram.miner.lane.ThreadPoolExecutor", SimulatedPool))
        yield

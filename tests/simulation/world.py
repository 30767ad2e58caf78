"""A subnet in one process: miners, their chain and network, and a clock that nobody waits for."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engram.chain.interface import Axon, Neuron
from engram.config import MinerSettings
from engram.core import nearest_many, parse_cid
from tests.simulation.books import Books, Sent
from tests.simulation.chain import Ledger, block_hash
from tests.simulation.clock import SkewedClock
from tests.simulation.disk import Disk
from tests.simulation.keys import Key
from tests.simulation.miner import Miner
from tests.simulation.network import Handler, Network
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
        validators: int = 0,
        liars: Mapping[str, Callable[[Handler], Handler]] | None = None,
        trace: Trace | None = None,
        **settings: Any,
    ) -> None:
        self.random = Random(seed)
        self.folder = folder
        self.loop = asyncio.get_running_loop()
        self.trace = trace or Trace()
        self.network = Network(self.part("network"), self.trace)
        self.ledger = Ledger()
        self.liars = dict(liars or {})
        """What a lying miner puts in front of its doors, by its name."""
        self.others: list[str] = []
        """Processes that are no miners."""
        self.books = Books(self.honest)
        self.settings = MinerSettings(data_dir=folder, **settings)
        self.miners = [self._miner(uid) for uid in range(miners)]
        neurons = [neuron_of(miner.uid, miner.key, miner.axon) for miner in self.miners]
        self.permitted = [(uid, Key(f"v{uid}")) for uid in range(miners, miners + validators)]
        """UIDs and keys of validators."""
        neurons += [neuron_of(uid, key, None) for uid, key in self.permitted]
        self.ledger.found(neurons)

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
            disk=Disk(name, clock.now, self.books),
            clock=clock,
            network=self.network,
            ledger=self.ledger,
            random=self.part(name),
            settings=self.settings,
            folder=self.folder,
            disguise=self.liars.get(name, lambda handler: handler),
        )

    def honest(self, name: str) -> bool:
        """False for a miner that lies."""
        return name not in self.liars

    def promised(self, url: str, sent: Sent) -> None:
        """A client was told at that URL that its record is stored."""
        if any(self.honest(miner.name) for miner in self.miners if miner.axon.url == url):
            self.books.promise(sent)

    def name_of(self, url: str) -> str:
        """Of the miner at a URL."""
        return next(miner.name for miner in self.miners if miner.axon.url == url)

    def nearest(
        self, cids: Sequence[str], count: int, neurons: Sequence[Neuron] | None = None
    ) -> NDArray[np.int32]:
        """The UIDs nearest to each CID, in order, shape (n, count), among these or those of now."""
        listed = self.ledger.at(self.ledger.head + 1) if neurons is None else neurons
        pairs = [(n.uid, block_hash(n.registered_at)) for n in listed if n.axon is not None]
        count = min(count, len(pairs))
        found = nearest_many(b"".join(map(parse_cid, cids)), pairs, count)
        return np.frombuffer(found, "<u2").astype(np.int32).reshape(len(cids), count)

    def wipe(self, miner: Miner) -> None:
        """An empty disk in the place of the miner's own."""
        miner.disk.wipe()
        shutil.rmtree(self.folder / miner.name, ignore_errors=True)

    def register(self, miner: Miner, key: Key) -> None:
        """Give the miner's UID to this key, from the next block on."""
        block = self.ledger.head + 1
        self.ledger.change(
            miner.uid,
            hotkey=key.hotkey,
            public_key=key.public_key,
            axon=None,
            registered_at=block,
            registered_hash=block_hash(block),
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

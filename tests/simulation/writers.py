"""Clients that store records, by any miner that takes them."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import orjson

from engram.core import generate_cid
from engram.core.embedding import to_base64
from tests.simulation.books import Sent
from tests.simulation.miner import Miner
from tests.simulation.network import Reply, Request
from tests.simulation.world import World

JSON = {"Content-Type": "application/json"}
PATIENCE_S = 20.0


class Writer:
    """One client."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.random = world.part(name)
        self._numbers = np.random.default_rng(self.random.getrandbits(64))
        self._count = 0
        world.others.append(name)

    async def write_for(self, seconds: float, pause_s: float) -> None:
        """Records, one after the other, with a pause in between."""
        end = self.world.loop.time() + seconds
        while self.world.loop.time() < end:
            miner = self.random.choice(self.world.miners)
            await self.write(miner, self.random.choice((None, None, 1, 2, 3)))
            await asyncio.sleep(self.random.expovariate(1 / pause_s))

    async def write(self, miner: Miner, least: int | None = None) -> Reply | None:
        """Have the miner store a new record; what it says to that, if anything."""
        sent = self.made()
        body = {
            "embedding_b64": to_base64(sent.embedding),
            "metadata": sent.metadata,
            "min_replicas": least,
        }
        request = Request("POST", "/IngestSynapse", orjson.dumps(body), JSON)
        found = await self.world.network.ask(self.name, miner.axon.url, request, PATIENCE_S)
        if not isinstance(found, Reply):
            return None
        if found.status == 200:
            self.world.promised(miner.axon.url, sent)
            self._look_at_receipts(sent, orjson.loads(found.body))
        return found

    def _look_at_receipts(self, sent: Sent, said: dict[str, Any]) -> None:
        names = {miner.key.hotkey: miner.name for miner in self.world.miners}
        for receipt in said["replicas"]["receipts"]:
            self.world.books.signed(names[receipt["hotkey"]], sent.cid)

    async def read_damaged(self) -> None:
        """Ask for every damaged copy, since nobody knows of the damage before."""
        for miner in self.world.miners:
            for cid in sorted(miner.disk.damaged):
                request = Request("GET", f"/retrieve/{cid}")
                found = await self.world.network.ask(self.name, miner.axon.url, request, PATIENCE_S)
                assert isinstance(found, Reply) and found.status == 500, found

    def made(self) -> Sent:
        """A record that was never there before."""
        self._count += 1
        embedding = self._numbers.standard_normal(384).astype(np.float32)
        metadata = {"namespace": self.name, "text": f"record {self._count} of {self.name}"}
        sent = Sent(generate_cid(embedding, metadata), embedding, metadata)
        self.world.books.known[sent.cid] = sent
        return sent

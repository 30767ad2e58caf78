"""Clients that search and read the whole network with the real SDK, and judge what it gives."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any
from unittest.mock import patch

import numpy as np

from engram.errors import EngramError, ServerUnreachable
from engram.sdk.exchange import Answer
from engram.sdk.network import AsyncEngramNetwork
from engram.sdk.network.from_chain import ChainDiscovery
from engram.sdk.network.results import NetworkResults
from tests.miner.hash_embedder import HashEmbedder
from tests.simulation.books import Sent
from tests.simulation.chain import SimulatedChain
from tests.simulation.clock import EPOCH
from tests.simulation.network import Network, Reply, Request
from tests.simulation.world import World

LONGEST_S = 120.0
HEADERS = {"Content-Type": "application/json"}


class SimulatedAsk:
    """The SDK's way to nodes."""

    def __init__(self, name: str, network: Network) -> None:
        self._name = name
        self._network = network

    async def send(self, url: str, method: str, path: str, content: bytes | None) -> Answer:
        request = Request(method, path, content or b"", HEADERS)
        found = await self._network.ask(self._name, url, request, LONGEST_S)
        if not isinstance(found, Reply):
            raise ServerUnreachable(f"No answer from {url}: {found.value}.")
        return Answer(found.status, found.body, found.headers.get("Retry-After"))

    async def close(self) -> None:
        pass


class Reader:
    """One client. It fails the simulation when the SDK gives it something wrong."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.random: Random = world.part(name)
        self.found = 0
        """Records that came back as they were written."""
        world.others.append(name)
        with patch("engram.sdk.network.from_chain.open_chain", self._chain):
            discovery = ChainDiscovery(
                "simulated",
                netuid=1,
                placement_blocks=world.settings.placement_blocks,
                now=lambda: EPOCH + world.loop.time(),
            )
        self.network = AsyncEngramNetwork(
            discovery=discovery,
            embed=HashEmbedder(),
            ask=lambda: SimulatedAsk(name, world.network),
            chance=self.random,
            now=lambda: EPOCH + world.loop.time(),
        )

    def _chain(self, *_: Any, **__: Any) -> SimulatedChain:
        return SimulatedChain(self.world.ledger, -1)

    async def read_for(self, seconds: float, pause_s: float) -> None:
        """Look for records, one after the other, with a pause in between."""
        end = self.world.loop.time() + seconds
        while self.world.loop.time() < end:
            await asyncio.sleep(self.random.expovariate(1 / pause_s))
            if acknowledged := list(self.world.books.acknowledged):
                await self.look_for(self.world.books.known[self.random.choice(acknowledged)])

    async def look_for(self, sent: Sent) -> None:
        """By one of the ways there are. Under faults it may not come; what comes must be right."""
        way = self.random.choice((self.search, self.search, self.get, self.verify))
        try:
            await way(sent)
        except EngramError as error:
            self.world.trace.note(f"{self.name} was told {error.code}")

    async def get(self, sent: Sent) -> None:
        """The record itself."""
        record = await self.network.get(sent.cid)
        if record.embedding.tobytes() != sent.embedding.tobytes():
            self.world.books.fail(f"get gave another vector for {sent.cid}")
        if record.metadata != sent.metadata:
            self.world.books.fail(f"get gave other metadata for {sent.cid}: {record.metadata}")
        self.found += 1

    async def verify(self, sent: Sent) -> None:
        """What each holder has: an honest one never has other bytes."""
        found = await self.network.verify(sent.cid)
        for holder in found.holders:
            wrong = holder.verification is not None and not holder.verification.bytes_match
            if wrong and self.world.honest(self.world.name_of(holder.node.url)):
                self.world.books.fail(f"{holder.node.url} is honest and gave other bytes")

    async def search(self, sent: Sent) -> NetworkResults:
        """By its own vector, or one near it, in its namespace."""
        near = sent.embedding + self.random.uniform(0, 0.3) * np.float32(1)
        verify = self.random.random() < 0.5
        found = await self.network.query(
            near.tolist(), 5, {"namespace": sent.metadata["namespace"]}, verify=verify
        )
        self._judge(found)
        self.found += any(hit.cid == sent.cid for hit in found)
        return found

    def _judge(self, found: NetworkResults) -> None:
        books = self.world.books
        for hit in found:
            sent = books.known.get(hit.cid)
            if sent is None and hit.confirmed:
                books.fail(f"{hit.cid} was never written, and is {hit}")
            elif sent is not None and hit.verified and hit.metadata != sent.metadata:
                books.fail(f"a search gave other metadata for {hit.cid}: {hit.metadata}")
        for node in found.liars:
            if self.world.honest(self.world.name_of(node.url)):
                books.fail(f"{node.url} is honest and was called a liar: {found.rejected}")

    async def close(self) -> None:
        await self.network.close()

"""Real miners' applications over real sockets and real stores, in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from aiohttp import web

from engram.chain.interface import Axon
from engram.config import MinerSettings, StoreSettings
from engram.core import generate_cids
from engram.embedding.batcher import Batcher
from engram.miner.embedder import MinerEmbedder
from engram.miner.node import Node
from engram.miner.routes import build_app
from engram.miner.store import MinerStore
from engram.net.server import Runner
from engram.storage import EmbeddedStore, NewRecord, open_store
from engram.validator.miner_client import Answer, Request, Transport
from engram.validator.verdict import Failure
from tests.miner.hash_embedder import HashEmbedder


@dataclass(frozen=True)
class RealMiner:
    """A server and the store behind it."""

    port: int
    store: EmbeddedStore

    @property
    def axon(self) -> Axon:
        return Axon("127.0.0.1", self.port)


@asynccontextmanager
async def running(folder: Path, clock: Callable[[], float]) -> AsyncIterator[RealMiner]:
    """One miner, for the length of a test."""
    node = Node(MinerSettings(data_dir=folder), clock=clock)
    store = open_store(folder, StoreSettings())
    embedder = HashEmbedder()
    face = MinerEmbedder(
        embedder,
        Batcher(embedder, 1, 64),
        deadline_s=30,
        landing=node.landing,
        batch_share=32,
    )
    node.open(MinerStore(store, 30, node.landing), face)
    runner = Runner(build_app(node), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield RealMiner(runner.addresses[0][1], store)
    finally:
        await runner.cleanup()
        node.close()


def users_records(count: int, seed: int) -> list[NewRecord]:
    """Random records of one user, all in one namespace."""
    rows = np.random.default_rng(seed).standard_normal((count, 384)).astype(np.float32)
    metadatas = [{"namespace": "default", "n": n, "seed": seed} for n in range(count)]
    cids = generate_cids(rows, metadatas)
    return [NewRecord(c, v, m) for c, v, m in zip(cids, rows, metadatas, strict=True)]


def store_all(store: EmbeddedStore, records: Sequence[NewRecord]) -> None:
    for start in range(0, len(records), 256):
        store.submit(records[start : start + 256]).result()


class Delayed:
    """A transport on which some miners seem to take longer than they do."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.seconds: dict[str, float] = {}

    async def send(self, request: Request) -> Answer | Failure:
        answer = await self.transport.send(request)
        if isinstance(answer, Failure):
            return answer
        return Answer(answer.body, answer.seconds + self.seconds.get(request.url, 0.0))

"""Several real miners in this process, over real sockets and disks, on a membership by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import orjson
from aiohttp import web

from engram.chain.interface import Axon, Block, Neuron, Snapshot
from engram.config import MinerSettings, StoreSettings
from engram.dht import RoutingTable
from engram.embedding.batcher import Batcher
from engram.miner.chain_link import ChainLink
from engram.miner.chain_view import ChainView
from engram.miner.embedder import MinerEmbedder
from engram.miner.node import Node
from engram.miner.replication.peers import SignedPeers
from engram.miner.replication.replication import Replication
from engram.miner.routes import build_app
from engram.miner.serve import share
from engram.miner.store import MinerStore
from engram.net.server import Runner
from engram.storage import EmbeddedStore, open_store
from tests.chain.worlds import signer
from tests.miner.harness import JSON, Answer
from tests.miner.hash_embedder import HashEmbedder

HOST = "127.0.0.1"
EVERY = 10
SETTINGS: dict[str, Any] = {"connect_every_s": 1, "metagraph_every_s": 3600}


@dataclass(eq=False, repr=False)
class Miner:
    """One miner. It may be stopped and started again; its port stays."""

    name: str
    folder: Path
    settings: dict[str, Any]
    table: RoutingTable
    session: aiohttp.ClientSession
    port: int = 0
    node: Node = field(init=False)
    store: EmbeddedStore = field(init=False)
    seen: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of each request that arrived."""
    _runner: Runner | None = None
    _peers: SignedPeers | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def hotkey(self) -> str:
        return signer(self.name).hotkey

    @property
    def replication(self) -> Replication:
        found = self.node.replication
        assert found is not None
        return found

    async def listen(self) -> None:
        """Serve: /health and the like from now on."""
        self.node = Node(MinerSettings(data_dir=self.folder, **self.settings))
        self.node.join(link_of(self))
        app = build_app(self.node)
        app.middlewares.insert(0, self._note())
        self._runner = Runner(app, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self.port).start()
        self.port = self._runner.addresses[0][1]

    async def load(self) -> None:
        """Open the store and take part in the network."""
        node, embedder = self.node, HashEmbedder()
        self.store = await asyncio.to_thread(open_store, self.folder, StoreSettings())
        face = MinerEmbedder(
            embedder, Batcher(embedder, 1, 64), deadline_s=30, landing=node.landing, batch_share=32
        )
        node.open(MinerStore(self.store, 30, node.landing), face)
        self._peers = share(node, signer(self.name))

    async def stop(self) -> None:
        if self._runner is None:
            return
        runner, self._runner = self._runner, None
        await runner.cleanup()
        await self.node.withdraw()
        if self._peers is not None:
            await self._peers.close()
        await asyncio.to_thread(self.node.close)

    async def start(self) -> None:
        await self.listen()
        await self.load()

    def requests(self, path: str) -> int:
        """How many came for that path."""
        return sum(seen == path for _, seen in self.seen)

    async def post(self, path: str, value: Any) -> Answer:
        body = orjson.dumps(value)
        async with self.session.post(self.url + path, data=body, headers=JSON) as response:
            return Answer(response.status, response.headers, await response.read())

    def _note(self) -> Any:
        @web.middleware
        async def note(request: web.Request, handler: Any) -> web.StreamResponse:
            self.seen.append((request.method, request.path))
            return cast(web.StreamResponse, await handler(request))

        return note


def link_of(miner: Miner) -> ChainLink:
    """A link whose table is moved by the test, with no chain behind it."""
    view = ChainView("by hand", is_dev=True, state="connected", hotkey=miner.hotkey)
    made = SimpleNamespace(
        chain=SimpleNamespace(is_public=False),
        table=miner.table,
        view=view,
        place=SimpleNamespace(hotkey=miner.hotkey),
        pace=SimpleNamespace(metagraph_every_s=3600.0),
        start=lambda: None,
        close=lambda: None,
    )
    return cast(ChainLink, made)


@dataclass
class Network:
    """The miners, and the chain in the test's hand."""

    miners: list[Miner]
    block: int = 2 * EVERY

    def place(self, members: Sequence[Miner]) -> None:
        """Move every miner's table to the next placement block, with these as members."""
        self.block += EVERY
        now, before = (
            self.snapshot(number, members) for number in (self.block, self.block - EVERY)
        )
        for miner in self.miners:
            assert miner.table.bootstrap(now, before)

    def snapshot(self, number: int, members: Sequence[Miner]) -> Snapshot:
        neurons = tuple(neuron(uid, m) for uid, m in enumerate(self.miners) if m in members)
        return Snapshot(1, Block(number, number.to_bytes(32, "big")), neurons)


def neuron(uid: int, miner: Miner) -> Neuron:
    key = signer(miner.name)
    return Neuron(
        uid=uid,
        hotkey=key.hotkey,
        coldkey=key.coldkey or "",
        public_key=key.public_key,
        axon=Axon(HOST, miner.port),
        stake=0,
        incentive=0,
        dividends=0,
        emission=0,
        validator_permit=False,
        last_update=0,
        registered_at=uid,
        registered_hash=bytes([uid]) * 32,
    )


@asynccontextmanager
async def network(folder: Path, count: int, **settings: Any) -> AsyncIterator[Network]:
    """Miners that are all members; stopped at the end."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        miners = []
        for number in range(count):
            name = f"miner-{number}"
            table = RoutingTable(EVERY, signer(name).hotkey)
            miner = Miner(name, folder / name, SETTINGS | settings, table, session)
            miners.append(miner)
            stack.push_async_callback(miner.stop)
            await miner.listen()
        made = Network(miners)
        made.place(miners)
        for miner in miners:
            await miner.load()
        yield made

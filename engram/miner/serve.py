"""A miner's life: bind, load, serve, drain, close."""

from __future__ import annotations

import asyncio
import ipaddress
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from engram import core
from engram.chain.interface import Signer
from engram.chain.signatures import verify
from engram.config import EmbedderSettings
from engram.embedding.batcher import Batcher
from engram.embedding.interface import Embedder
from engram.errors import CannotListen
from engram.miner.chain_link import ChainLink
from engram.miner.embedder import MinerEmbedder
from engram.miner.node import Node
from engram.miner.operator import build_operator_app, open_operator_socket, remove_operator_socket
from engram.miner.replication.clock import NodeClock
from engram.miner.replication.peers import SignedPeers
from engram.miner.replication.replication import Replication
from engram.miner.routes import build_app, build_metrics_app
from engram.miner.store import MinerStore
from engram.net.server import Runner
from engram.storage import EmbeddedStore

METRICS_PORT_OFFSET = 1_000  # a public miner on 8091 has its metrics on loopback 9091
LOOPBACK = "127.0.0.1"

log = structlog.get_logger("engram.miner")


@dataclass(frozen=True, slots=True)
class Parts:
    """How to open what takes a while. These calls block, and run on threads of their own."""

    store: Callable[[], EmbeddedStore]
    embedder: Callable[[], Embedder]
    embedding: EmbedderSettings
    link: Callable[[int, Callable[[], bool]], ChainLink] | None = None
    """Makes the link to the chain from the port that is bound and the node's ``ready``."""
    signer: Signer | None = None
    """The hotkey that the link serves as, and that signs to other members."""


class Miner:
    """One running miner. ``url`` is where it answers, once it is bound."""

    def __init__(self, node: Node, parts: Parts) -> None:
        self.node = node
        self.parts = parts
        self.url = ""
        self._runners: list[Runner] = []
        self._operator_socket: Path | None = None
        self._peers: SignedPeers | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set; then finish the requests that are there, and close.

        Raises CannotListen, and what opening the store or the embedder raises.
        """
        try:
            await self._listen()
            await self._load()
            await stop.wait()
        finally:
            await self._close()

    async def _listen(self) -> None:
        """Bind at once: /health answers while the rest loads."""
        settings = self.node.settings
        public = not is_loopback(settings.host)
        apart = public or settings.metrics_port is not None
        app = build_app(self.node, metrics=not apart)
        port = await self._serve_tcp(app, settings.host, settings.port)
        self.url = f"http://{bracketed(settings.host)}:{port}"
        log.info("miner is bound", url=self.url)
        if self.parts.link is not None:
            self.node.join(await asyncio.to_thread(self.parts.link, port, self._is_ready))
        if apart:
            await self._serve_tcp(build_metrics_app(self.node), LOOPBACK, self._metrics_port(port))
        if public:
            log.warning("everything stored here is public", host=settings.host)

    def _is_ready(self) -> bool:
        return self.node.ready

    def _metrics_port(self, port: int) -> int:
        chosen = self.node.settings.metrics_port
        return chosen if chosen is not None else (port + METRICS_PORT_OFFSET) % 65_536

    async def _load(self) -> None:
        """Open store and embedder side by side, off the loop."""
        store, embedder = await asyncio.gather(
            asyncio.to_thread(self.parts.store),
            asyncio.to_thread(self.parts.embedder),
            return_exceptions=True,
        )
        if isinstance(store, BaseException):
            raise store
        if isinstance(embedder, BaseException):
            await asyncio.to_thread(store.close)
            raise embedder
        await self._open(store, embedder)

    async def _open(self, store: EmbeddedStore, embedder: Embedder) -> None:
        node = self.node
        deadline_s = node.settings.request_deadline_s
        queue = self.parts.embedding.embed_queue
        batcher = Batcher(embedder, self.parts.embedding.embed_threads, queue)
        face = MinerEmbedder(
            embedder,
            batcher,
            deadline_s=deadline_s,
            landing=node.landing,
            batch_share=max(1, queue // 2),
        )
        node.open(MinerStore(store, deadline_s, node.landing), face)
        if self.parts.signer is not None:
            self._peers = share(node, self.parts.signer)
        await self._open_operator_channel(store)
        log.info(
            "miner is ready",
            url=self.url,
            data_dir=str(node.settings.data_dir),
            core=core.BACKEND,
            embedder=embedder.name,
        )

    async def _open_operator_channel(self, store: EmbeddedStore) -> None:
        channel = open_operator_socket(self.node.settings.data_dir)
        self._operator_socket = Path(channel.getsockname())
        runner = await self._runner(build_operator_app(self.node, store))
        await web.SockSite(runner, channel).start()
        store.lock.announce(url=self.url, operator_socket=str(self._operator_socket))

    async def _serve_tcp(self, app: web.Application, host: str, port: int) -> int:
        runner = await self._runner(app)
        try:
            await web.TCPSite(runner, host, port, backlog=1024).start()
        except OSError as error:
            reason = error.strerror or str(error)
            raise CannotListen(
                f"Cannot listen on {bracketed(host)}:{port}: {reason}. "
                "Is another miner running? --port 0 takes any free port."
            ) from error
        address: tuple[Any, ...] = runner.addresses[0]
        return int(address[1])

    async def _runner(self, app: web.Application) -> Runner:
        settings = self.node.settings
        runner = Runner(
            app,
            max_connections=settings.max_connections,
            shutdown_timeout=settings.drain_timeout_s,
        )
        await runner.setup()
        self._runners.append(runner)
        return runner

    async def _close(self) -> None:
        """Stop accepting, finish what is there, then close the store."""
        self.node.stopping = True
        await self.node.leave()
        for runner in self._runners:
            await runner.cleanup()
        await self.node.withdraw()
        if self._peers is not None:
            await self._peers.close()
        if self._operator_socket is not None:
            remove_operator_socket(self._operator_socket, self.node.settings.data_dir)
        await asyncio.to_thread(self.node.close)


def share(node: Node, signer: Signer) -> SignedPeers:
    """Have a node that is loaded and on a chain share its records with the other members.

    Returns its connections to them, which the caller closes after ``Node.withdraw``.
    """
    clock = NodeClock(node.clock, node.monotonic)
    peers = SignedPeers(signer, clock, public=node.public_chain)
    replication = Replication(
        signer=signer,
        verify=verify,
        table=node.table,
        shelf=node.store,
        peers=peers,
        clock=clock,
        settings=node.settings,
        chance=random.Random(),
        side_texts=node.embedder.exact_bytes,
        searches=lambda: node.searching,
    )
    node.replicate(replication)
    return peers


def is_loopback(host: str) -> bool:
    """True if only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bracketed(host: str) -> str:
    """The host as a URL writes it."""
    return f"[{host}]" if ":" in host else host

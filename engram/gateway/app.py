"""The gateway, put together from real parts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import httpx
import structlog
from aiohttp import web

from engram.blobs.arweave.gateway import Gateway
from engram.blobs.arweave.pinning import Caps, Pinning
from engram.blobs.arweave.wallet import Wallet, load_wallet, parse_wallet
from engram.blobs.folder import Folder
from engram.blobs.journal import Journal
from engram.config import EmbedderSettings, GatewaySettings, VisionSettings
from engram.documents.chunking import Chunker
from engram.documents.limits import Limits
from engram.embedding.files import find_model
from engram.errors import CannotListen, InvalidInput
from engram.gateway.describing import PlainDescriber
from engram.gateway.fetching import Fetcher
from engram.gateway.incoming import Incoming
from engram.gateway.jobs.book import Book
from engram.gateway.jobs.desk import Desk
from engram.gateway.jobs.events import Hub
from engram.gateway.jobs.work import Tools
from engram.gateway.parts import Parts
from engram.gateway.pinboard import Pinboard
from engram.gateway.routes import build_app
from engram.gateway.vision import Describer, ModelDescriber
from engram.net.log import configure_logging
from engram.net.server import Runner
from engram.net.signals import stop_event
from engram.sdk.network import AsyncEngramNetwork
from engram.storage.lock import DirectoryLock

__all__ = ["build_app", "run_gateway"]

STOP_WITHIN_S = 5.0
ARWEAVE_TIMEOUT_S = 30.0
MAX_CONNECTIONS = 256

log = structlog.get_logger("engram.gateway")


def run_gateway(
    settings: GatewaySettings, vision: VisionSettings, embedder: EmbedderSettings
) -> None:
    """Run a gateway until SIGTERM or SIGINT.

    Raises InvalidInput, WalletError, CannotListen, StoreLocked and the other StoreErrors,
    ModelMissing.
    """
    configure_logging(settings.log_format)
    require_token_beyond_loopback(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    lock = DirectoryLock(settings.data_dir)
    try:
        asyncio.run(until_signalled(settings, vision, embedder, lock))
    finally:
        lock.release()


def require_token_beyond_loopback(settings: GatewaySettings) -> None:
    """Raise InvalidInput for a gateway that anybody could spend through."""
    if settings.token is None and settings.host not in ("127.0.0.1", "::1", "localhost"):
        raise InvalidInput(
            f"On {settings.host} others reach the gateway, so it needs a token: "
            "ENGRAM_GATEWAY_TOKEN=$(openssl rand -hex 32)"
        )


async def until_signalled(
    settings: GatewaySettings,
    vision: VisionSettings,
    embedder: EmbedderSettings,
    lock: DirectoryLock,
) -> None:
    """Serve until the first signal."""
    stop = stop_event()
    async with opened(settings, vision, embedder) as parts:
        runner = Runner(
            build_app(parts), max_connections=MAX_CONNECTIONS, shutdown_timeout=STOP_WITHIN_S
        )
        await runner.setup()
        try:
            lock.announce(url=await bind(runner, settings))
            resumed = await parts.desk.resume()
            if resumed:
                log.info("files that were broken off go on", jobs=resumed)
            await stop.wait()
        finally:
            await runner.cleanup()


async def bind(runner: Runner, settings: GatewaySettings) -> str:
    """Where it serves. Raises CannotListen."""
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
    except OSError as error:
        raise CannotListen(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror or error}. "
            "Is another gateway running? --port 0 takes any free port."
        ) from error
    address: tuple[Any, ...] = runner.addresses[0]
    url = f"http://{settings.host}:{address[1]}"
    log.info("gateway is ready", url=url)
    return url


@asynccontextmanager
async def opened(
    settings: GatewaySettings, vision: VisionSettings, embedder: EmbedderSettings
) -> AsyncIterator[Parts]:
    """All parts, with what runs in the background; closed in the reverse order."""
    async with AsyncExitStack() as stack:
        network = await stack.enter_async_context(network_of(settings))
        folder = Folder(settings.data_dir / "blobs")
        book = await asyncio.to_thread(Book, settings.data_dir / "jobs.sqlite")
        stack.callback(book.close)
        incoming = Incoming(settings.data_dir / "incoming", settings.max_file_bytes)
        await asyncio.to_thread(incoming.clean)
        pinning, name = await pinning_of(settings, folder, stack)
        hub = Hub()
        tools = Tools(
            book=book,
            path_of=folder.path_of,
            writes=network,
            chunker=await asyncio.to_thread(chunker_of, settings, embedder),
            describer=await describer_of(vision, stack),
            limits=Limits(),
            now=time.time,
            tell=hub.tell,
        )
        desk = Desk(tools, hub, at_once=settings.files_at_once, waiting=settings.files_waiting)
        stack.push_async_callback(desk.close)
        yield Parts(
            settings=settings,
            network=network,
            folder=folder,
            book=book,
            hub=hub,
            desk=desk,
            incoming=incoming,
            fetcher=Fetcher(settings.max_file_bytes),
            pinning=pinning,
            arweave_name=name,
        )


def network_of(settings: GatewaySettings) -> AsyncEngramNetwork:
    """All miners of the subnet, or one of them. Raises InvalidInput if neither is named."""
    if settings.chain is None and settings.url is None:
        raise InvalidInput("A gateway needs --chain and --netuid, or --url of a miner.")
    return AsyncEngramNetwork(
        settings.chain,
        netuid=settings.netuid,
        placement_blocks=settings.placement_blocks,
        url=settings.url if settings.chain is None else None,
        cache=settings.data_dir / "members",
    )


def chunker_of(settings: GatewaySettings, embedder: EmbedderSettings) -> Chunker:
    """Counts by the tokenizer of the model that embeds. Raises ModelMissing."""
    tokenizer = find_model(embedder.model_dir).tokenizer
    return Chunker(tokenizer, settings.chunk_tokens, settings.chunk_overlap)


async def describer_of(vision: VisionSettings, stack: AsyncExitStack) -> Describer:
    """A model if there is a key for one, else what can be said without."""
    if vision.api_key is None:
        return PlainDescriber()
    http = httpx.AsyncClient(base_url=vision.base_url, timeout=vision.timeout_s)
    await stack.enter_async_context(http)
    return ModelDescriber(http, vision.model, vision.api_key.get_secret_value())


async def pinning_of(
    settings: GatewaySettings, folder: Folder, stack: AsyncExitStack
) -> tuple[Pinning | None, str]:
    """The way to Arweave, which runs in the background, and what that Arweave is called."""
    if settings.arweave_url is None:
        return None, ""
    http = httpx.AsyncClient(base_url=settings.arweave_url, timeout=ARWEAVE_TIMEOUT_S)
    await stack.enter_async_context(http)
    pinning = Pinning(
        Gateway(http),
        await asyncio.to_thread(wallet_of, settings),
        folder,
        await asyncio.to_thread(Journal, settings.data_dir / "pins"),
        Caps(settings.max_winston_per_file, settings.max_winston_per_day),
        time.time,
    )
    task = asyncio.create_task(Pinboard(pinning, settings.advance_every_s).run())
    stack.push_async_callback(ended, task)
    return pinning, settings.arweave_name


def wallet_of(settings: GatewaySettings) -> Wallet | None:
    """The wallet that pays; None: files wait. Raises WalletError."""
    if settings.arweave_wallet_jwk is not None:
        return parse_wallet(settings.arweave_wallet_jwk.get_secret_value())
    return load_wallet(settings.arweave_wallet) if settings.arweave_wallet is not None else None


async def ended(task: asyncio.Task[None]) -> None:
    """Stop a background task, and wait until it has."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

"""A validator's life: bind, follow the chain, keep its cadences, stop."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from aiohttp import web

from engram.errors import CannotListen
from engram.net.server import Runner
from engram.storage.lock import DirectoryLock
from engram.validator.api import build_app
from engram.validator.parts import Parts
from engram.validator.tidying import tidy

STOP_WITHIN_S = 2.0  # requests in flight; they only read
MAX_CONNECTIONS = 128

log = structlog.get_logger("engram.validator")


async def run(parts: Parts, lock: DirectoryLock, stop: asyncio.Event) -> None:
    """Serve and judge until ``stop`` is set. A round that runs then is broken off and forgotten.

    Raises CannotListen.
    """
    runner = Runner(
        build_app(parts), max_connections=MAX_CONNECTIONS, shutdown_timeout=STOP_WITHIN_S
    )
    await runner.setup()
    try:
        lock.announce(url=await bind(runner, parts))
        await until(stop, parts)
    finally:
        await runner.cleanup()
        parts.link.close()


async def bind(runner: Runner, parts: Parts) -> str:
    """Where the status is served; at once, whatever the chain does."""
    host, port = parts.settings.host, parts.settings.port
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise CannotListen(
            f"Cannot listen on {host}:{port}: {error.strerror or error}. "
            "Is another validator running? --port 0 takes any free port."
        ) from error
    address: tuple[Any, ...] = runner.addresses[0]
    url = f"http://{f'[{host}]' if ':' in host else host}:{address[1]}"
    log.info("validator is ready", url=url, hotkey=parts.hotkey, chain=parts.link.chain.name)
    if not parts.corpus_is_secret:
        log.warning("the texts of the probes are public: good for a local network only")
    return url


async def until(stop: asyncio.Event, parts: Parts) -> None:
    """Run everything side by side until ``stop`` is set."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(parts.follower.run())]
        tasks += [group.create_task(cadence.run()) for cadence in parts.cadences]
        tasks.append(group.create_task(tidy(parts)))
        await stop.wait()
        for task in tasks:
            task.cancel()

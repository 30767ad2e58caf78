"""The miner, put together from real parts."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from engram.config import EmbedderSettings, MinerSettings, StoreSettings
from engram.embedding import open_embedder
from engram.errors import StoreLocked
from engram.miner.log import configure_logging
from engram.miner.node import Node
from engram.miner.routes import build_app
from engram.miner.serve import Miner, Parts
from engram.storage import describe_holder, open_store

__all__ = ["build_app", "run_miner"]

SWITCH_INTERVAL_S = 0.0005  # the loop gets the GIL back from a worker thread ten times sooner


def run_miner(miner: MinerSettings, store: StoreSettings, embedder: EmbedderSettings) -> None:
    """Run a miner until SIGTERM or SIGINT, then finish what is there and return.

    Raises CannotListen, StoreLocked and the other StoreErrors, ModelMissing, ModelMismatch.
    """
    configure_logging(miner.log_format)
    refuse_held(miner.data_dir)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    parts = Parts(
        store=lambda: open_store(miner.data_dir, store),
        embedder=lambda: open_embedder(embedder),
        embedding=embedder,
    )
    asyncio.run(until_signalled(miner, parts))


def refuse_held(data_dir: Path) -> None:
    """Raise StoreLocked if a process has the directory open.

    Opening the store would say so too, but the port is bound before that, and whoever starts a
    miner twice should read of the first one rather than of a port.
    """
    holder = describe_holder(data_dir)
    if holder is not None:
        where = f", serving at {holder.url}" if holder.url else ""
        raise StoreLocked(
            f"{data_dir} is open in process {holder.pid}{where}. Use that one, stop it first, "
            "or name another folder with --data-dir."
        )


async def until_signalled(settings: MinerSettings, parts: Parts) -> None:
    """Serve until the first SIGTERM or SIGINT. A second one ends the process at once."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def asked_to_stop() -> None:
        stop.set()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop)
    await Miner(Node(settings), parts).run(stop)

"""The miner, put together from real parts."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

from engram.chain import open_chain
from engram.chain.interface import Axon, Signer
from engram.config import EmbedderSettings, MinerSettings, StoreSettings
from engram.dht import RoutingTable
from engram.embedding import open_embedder
from engram.errors import InvalidInput, StoreLocked
from engram.miner.chain_link import ChainLink, Pace, Place
from engram.miner.node import Node
from engram.miner.routes import build_app
from engram.miner.serve import Miner, Parts
from engram.net.log import configure_logging
from engram.net.signals import stop_event
from engram.storage import describe_holder, open_store

__all__ = ["build_app", "run_miner"]

SWITCH_INTERVAL_S = 0.0005  # the loop gets the GIL back from a worker thread ten times sooner


def run_miner(miner: MinerSettings, store: StoreSettings, embedder: EmbedderSettings) -> None:
    """Run a miner until SIGTERM or SIGINT, then finish what is there and return.

    Raises CannotListen, StoreLocked and the other StoreErrors, ModelMissing, ModelMismatch, and
    for a chain InvalidInput or WalletError.
    """
    configure_logging(miner.log_format)
    refuse_held(miner.data_dir)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    signer = None if miner.chain == "none" else signer_of(miner)
    parts = Parts(
        store=lambda: open_store(miner.data_dir, store),
        embedder=lambda: open_embedder(embedder),
        embedding=embedder,
        link=None if signer is None else link_to_chain(miner, signer),
        signer=signer,
    )
    asyncio.run(until_signalled(miner, parts))


def signer_of(miner: MinerSettings) -> Signer:
    """The hotkey to serve as. Raises InvalidInput without a wallet, WalletError for a bad one."""
    from engram.chain.wallet import load_signer

    if miner.wallet is None:
        raise InvalidInput(f"--chain {miner.chain} needs --wallet NAME/HOTKEY to serve as.")
    return load_signer(miner.wallet)


def link_to_chain(
    miner: MinerSettings, signer: Signer
) -> Callable[[int, Callable[[], bool]], ChainLink]:
    """What makes the link once the port is known. Nothing is dialled yet."""
    from engram.chain.wallet import parse_wallet, paths_of

    coldkey = paths_of(*parse_wallet(miner.wallet or "")).coldkey
    chain = open_chain(miner.chain, signer)

    def link(port: int, ready: Callable[[], bool]) -> ChainLink:
        return ChainLink(
            chain,
            RoutingTable(miner.placement_blocks, signer.hotkey, placement_folder(miner)),
            Place(
                netuid=miner.netuid,
                hotkey=signer.hotkey,
                coldkey_here=coldkey if coldkey.exists() else None,
                host=miner.host,
                axon=axon_of(miner, port),
            ),
            Pace(miner.connect_every_s, miner.metagraph_every_s),
            ready=ready,
        )

    return link


def placement_folder(miner: MinerSettings) -> Path:
    """Where placement is remembered: apart for each chain and subnet."""
    chain = re.sub(r"[^A-Za-z0-9]+", "-", miner.chain).strip("-")
    return miner.data_dir / "placement" / f"{chain}-{miner.netuid}"


def axon_of(miner: MinerSettings, port: int) -> Axon | None:
    """The address to announce: the one given, else the one that is bound, if others can dial it."""
    ip = miner.external_ip or miner.host
    try:
        dialled = not ip_address(ip).is_unspecified
    except ValueError:  # a name: the chain lists numbers
        return None
    return Axon(ip, miner.external_port or port) if dialled else None


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
    await Miner(Node(settings), parts).run(stop_event())

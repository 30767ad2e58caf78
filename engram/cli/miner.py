"""``engram miner``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engram.cli.chain_options import (
    ChainLocation,
    ExternalIp,
    ExternalPort,
    Netuid,
    WalletName,
)
from engram.cli.model_offer import with_model
from engram.cli.options import DataDir, settings
from engram.cli.size import parse_size
from engram.config import EmbedderSettings, MinerSettings, StoreSettings
from engram.miner.app import run_miner


def miner(
    data_dir: DataDir = None,
    host: Annotated[str | None, typer.Option(help="address to bind; default: 127.0.0.1")] = None,
    port: Annotated[
        int | None, typer.Option(help="port to bind, 0 picks one; default: 8091")
    ] = None,
    chain: ChainLocation = None,
    netuid: Netuid = None,
    wallet: WalletName = None,
    external_ip: ExternalIp = None,
    external_port: ExternalPort = None,
    max_disk: Annotated[
        str | None, typer.Option(metavar="SIZE", help="most that the folder may take, e.g. 20GB")
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(help="loopback port of /metrics alone")
    ] = None,
    rate_per_s: Annotated[
        float | None, typer.Option(help="requests a second from one address; default: 50")
    ] = None,
    rate_burst: Annotated[
        int | None, typer.Option(help="requests that an address may send at once; default: 200")
    ] = None,
    ef_search: Annotated[
        int | None, typer.Option(help="search breadth of the index; default: 128")
    ] = None,
    embed_threads: Annotated[
        int | None, typer.Option(help="threads that embed; default: one per core")
    ] = None,
    model_dir: Annotated[
        Path | None, typer.Option(help="folder with model.safetensors and tokenizer.json")
    ] = None,
    log_format: Annotated[
        str | None, typer.Option(help="auto, console or json; default: auto")
    ] = None,
) -> None:
    """Run a miner: store records and answer searches over HTTP.

    Stops cleanly on Ctrl-C and SIGTERM. Every option is also an environment variable:
    --max-disk is ENGRAM_MAX_DISK_BYTES, all others are ENGRAM_ and their name.

    \b
    Examples:
      engram miner
      engram miner --data-dir /var/lib/engram --host 0.0.0.0 --max-disk 20GB
      engram miner --data-dir ./records --host 127.0.0.1 --port 8091 --chain none
      engram miner --host 0.0.0.0 --chain finney --netuid 42 --wallet alice/miner \\
        --external-ip 203.0.113.7 --external-port 8091
    """
    server = settings(
        MinerSettings,
        data_dir=data_dir,
        host=host,
        port=port,
        chain=chain,
        netuid=netuid,
        wallet=wallet,
        external_ip=external_ip,
        external_port=external_port,
        metrics_port=metrics_port,
        rate_per_s=rate_per_s,
        rate_burst=rate_burst,
        log_format=log_format,
    )
    store = settings(StoreSettings, max_disk_bytes=parse_size(max_disk), ef_search=ef_search)
    embedder = settings(EmbedderSettings, embed_threads=embed_threads, model_dir=model_dir)
    with_model(lambda: run_miner(server, store, embedder))

"""``engram gateway``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engram.cli.model_offer import with_model
from engram.cli.options import settings
from engram.config import EmbedderSettings, GatewaySettings, VisionSettings
from engram.gateway.app import run_gateway


def gateway(
    data_dir: Annotated[
        Path | None, typer.Option(help="folder of jobs and raw files; default: .engram/gateway")
    ] = None,
    chain: Annotated[
        str | None, typer.Option(help="dev:PATH, finney, test or ws://HOST:PORT")
    ] = None,
    netuid: Annotated[int | None, typer.Option(help="subnet to search and store in")] = None,
    url: Annotated[str | None, typer.Option(help="a miner, instead of a chain")] = None,
    host: Annotated[str | None, typer.Option(help="address to bind; default: 127.0.0.1")] = None,
    port: Annotated[
        int | None, typer.Option(help="port to bind, 0 picks one; default: 8090")
    ] = None,
    arweave_url: Annotated[
        str | None, typer.Option(help="Arweave gateway that files are pinned through")
    ] = None,
    arweave_wallet: Annotated[
        Path | None, typer.Option(help="JWK file, readable by you alone, that pays")
    ] = None,
    log_format: Annotated[
        str | None, typer.Option(help="auto, console or json; default: auto")
    ] = None,
) -> None:
    """Run a gateway: take in files and pages, search, check records.

    Everything that is stored through it is public and permanent. Files that were broken off go on
    at the next start. Every option is also an environment variable: ENGRAM_GATEWAY_ and its name.

    \b
    Examples:
      engram gateway --url http://127.0.0.1:8091
      engram gateway --chain dev:.engram/chain.sqlite --netuid 1
      engram gateway --chain finney --netuid 42 --arweave-url https://arweave.net \\
        --arweave-wallet ~/arweave.json
    """
    chosen = settings(
        GatewaySettings,
        data_dir=data_dir,
        chain=chain,
        netuid=netuid,
        url=url,
        host=host,
        port=port,
        arweave_url=arweave_url,
        arweave_wallet=arweave_wallet,
        log_format=log_format,
    )
    with_model(lambda: run_gateway(chosen, settings(VisionSettings), settings(EmbedderSettings)))

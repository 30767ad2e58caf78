"""``engram doctor``: each thing that a node needs, looked at on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from engram.cli import chain_checks, checks
from engram.cli.chain_options import (
    ChainLocation,
    ExternalIp,
    ExternalPort,
    Netuid,
    WalletName,
)
from engram.cli.checks import Check
from engram.cli.options import DataDir, Json, settings
from engram.cli.output import print_json, say
from engram.config import EmbedderSettings, MinerSettings

STYLES = {"ok": "green", "warn": "yellow", "fail": "red"}


def doctor(
    data_dir: DataDir = None,
    host: Annotated[str | None, typer.Option(help="address that the miner would bind")] = None,
    port: Annotated[int | None, typer.Option(help="port that the miner would bind")] = None,
    chain: ChainLocation = None,
    netuid: Netuid = None,
    wallet: WalletName = None,
    external_ip: ExternalIp = None,
    external_port: ExternalPort = None,
    json_: Json = False,
) -> None:
    """Check this machine: versions, model, folder, port; with a chain, the place on it.

    Each line is ok, warn (works, could be better) or fail (a miner will not start), with the way
    out. The exit code is 1 if anything fails.

    \b
    Examples:
      engram doctor
      engram doctor --data-dir /var/lib/engram --port 8091
      engram doctor --chain finney --netuid 42 --wallet alice/miner --external-ip 203.0.113.7
      engram doctor --json
    """
    miner = settings(
        MinerSettings,
        data_dir=data_dir,
        host=host,
        port=port,
        chain=chain,
        netuid=netuid,
        wallet=wallet,
        external_ip=external_ip,
        external_port=external_port,
    )
    found = []
    for check in run(miner):
        found.append(check)
        if not json_:
            _tell(check)
    healthy = all(check.state != "fail" for check in found)
    if json_:
        print_json({"ok": healthy, "checks": [asdict(check) for check in found]})
    if not healthy:
        raise typer.Exit(1)


def run(miner: MinerSettings) -> Iterator[Check]:
    """Every check, each as soon as it is done: the model's takes a second."""
    yield checks.python()
    yield checks.core()
    yield checks.sqlite()
    yield checks.index()
    yield from checks.model(settings(EmbedderSettings))
    yield checks.folder(miner.data_dir)
    yield checks.space(miner.data_dir)
    yield checks.port(miner.host, miner.port)
    yield from chain_checks.on_chain(miner)


def _tell(check: Check) -> None:
    say(f"{check.state:<5} {check.name:<10} {check.detail}", style=STYLES[check.state])
    if check.remedy:
        say(f"                 -> {check.remedy}")

"""Options of whoever joins a chain."""

from __future__ import annotations

from typing import Annotated

import typer

ChainLocation = Annotated[
    str | None,
    typer.Option("--chain", help="none, dev:PATH, finney, test or ws://...; default: none"),
]
Netuid = Annotated[int | None, typer.Option(help="subnet to serve; default: 1")]
WalletName = Annotated[
    str | None,
    typer.Option("--wallet", metavar="NAME/HOTKEY", help="Bittensor wallet to serve as"),
]
ExternalIp = Annotated[
    str | None, typer.Option(help="address that others reach it by; default: --host")
]
ExternalPort = Annotated[
    int | None, typer.Option(help="port that others reach it by; default: --port")
]

"""What a command talks to: one node, or a whole network.

The first of these that is given decides: --url, --chain, ENGRAM_URL, ENGRAM_CHAIN, the network that
``engram up`` runs in this folder. Without any it is the node at the default URL.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engram.cli.options import settings
from engram.cli.status import DEFAULT_FOLDER, names_a_node, runs_in
from engram.config import ClientSettings, EmbedderSettings
from engram.sdk.own_embedder import Choice

if TYPE_CHECKING:
    from engram.sdk import EngramNetwork

NO_CHAIN = "none"

Chain = Annotated[
    str | None,
    typer.Option(
        "--chain",
        help="search the whole network: dev:PATH, finney, test or ws://...; "
        "default: ENGRAM_CHAIN, or the network of `engram up` in this folder",
    ),
]
Netuid = Annotated[int | None, typer.Option(help="its subnet; default: ENGRAM_NETUID, or 1")]


@dataclass(frozen=True, slots=True)
class Target:
    """A network."""

    chain: str
    """As in ``open_chain``."""
    netuid: int
    placement_blocks: int
    cache: Path | None
    """Folder of the last good membership; None where asking the chain costs nothing."""

    @property
    def is_public(self) -> bool:
        """True if strangers share it."""
        return not self.chain.startswith("dev:")

    def open(self, embed: Choice = "auto") -> EngramNetwork:
        """A client for it."""
        from engram.sdk import EngramNetwork  # numpy, which one node's commands do without

        chosen = settings(ClientSettings)
        return EngramNetwork(
            self.chain,
            netuid=self.netuid,
            placement_blocks=self.placement_blocks,
            cache=self.cache,
            embed=embed,
            deadline_s=chosen.query_deadline_s,
            timeout_s=chosen.timeout_s,
        )


def network_of(url: str | None, chain: str | None, netuid: int | None) -> Target | None:
    """The network that is meant; None if it is one node. Raises InvalidInput for bad options."""
    chosen = settings(ClientSettings, chain=chain, netuid=netuid)
    if url is not None or (chain is None and names_a_node(url)):
        return None
    if chosen.chain != NO_CHAIN:
        return _on_chain(chosen)
    return _local() if chain is None and runs_in(DEFAULT_FOLDER) else None


def _on_chain(chosen: ClientSettings) -> Target:
    dev = chosen.chain.startswith("dev:")
    folder = settings(EmbedderSettings).cache_dir / "networks"
    name = "".join(sign if sign.isalnum() else "-" for sign in chosen.chain)
    cache = None if dev else folder / f"{name}-{chosen.netuid}"
    return Target(chosen.chain, chosen.netuid, chosen.placement_blocks, cache)


def _local() -> Target:
    """What `engram up` runs here, by its own pace."""
    from engram.chain.dev import DEFAULT_NETUID
    from engram.cli.network.layout import Layout
    from engram.cli.network.plan import PLACEMENT_BLOCKS

    return Target(Layout(DEFAULT_FOLDER).chain, DEFAULT_NETUID, PLACEMENT_BLOCKS, None)

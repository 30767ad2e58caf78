"""What the paths of the gateway share."""

from __future__ import annotations

from dataclasses import dataclass

from engram.blobs.arweave.pinning import Pinning
from engram.blobs.folder import Folder
from engram.config import GatewaySettings
from engram.gateway.fetching import Fetcher
from engram.gateway.incoming import Incoming
from engram.gateway.jobs.book import Book
from engram.gateway.jobs.desk import Desk
from engram.gateway.jobs.events import Hub
from engram.sdk.network import AsyncEngramNetwork


@dataclass(frozen=True, slots=True)
class Parts:
    """Ready objects. Whoever makes them closes them."""

    settings: GatewaySettings
    network: AsyncEngramNetwork
    folder: Folder
    book: Book
    hub: Hub
    desk: Desk
    incoming: Incoming
    fetcher: Fetcher
    pinning: Pinning | None
    """None if no Arweave gateway is set."""
    arweave_name: str
    """What the Arweave network is called to people."""

"""Where a chain is: a network that the SDK knows, or a node's own address."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from engram.errors import ChainRejected, InvalidInput

if TYPE_CHECKING:
    import bittensor

NETWORKS = ("finney", "test")
SCHEMES = ("ws://", "wss://")
SDK_LINE = "11.3."
INSTALL = "pip install 'engram-network[subtensor]'"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One node, and the others of its network to turn to."""

    name: str
    """For people and logs: providers put keys into the rest of an address."""
    url: str
    fallbacks: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()
    """Asked for state that the others have forgotten."""

    def substrate(self) -> bittensor.RpcSubstrate:
        """A connection of the SDK, not dialled yet; one event loop may use it."""
        import bittensor

        return bittensor.RpcSubstrate(
            self.url,
            fallback_endpoints=list(self.fallbacks),
            archive_endpoints=list(self.archives),
        )


def is_subtensor(location: str) -> bool:
    """Whether a location names this kind of chain."""
    return location in NETWORKS or location.startswith(SCHEMES)


def endpoint_of(location: str) -> Endpoint:
    """The endpoint at ``finney``, ``test``, ``ws://...`` or ``wss://...``.

    Raises InvalidInput if it is none, ChainRejected if the SDK is not installed.
    """
    if location.startswith(SCHEMES) and not _has_host(location):
        raise InvalidInput(f"a node's address is ws://HOST:PORT or wss://HOST, not {location!r}")
    if not is_subtensor(location):
        raise InvalidInput(f"a chain is finney, test or ws://HOST:PORT, not {location!r}")
    require_sdk()
    from bittensor import settings

    label, url = settings.resolve_endpoint(location)
    return Endpoint(
        name=label if label in NETWORKS else shown(url),
        url=url,
        fallbacks=tuple(settings.default_fallback_endpoints(label)),
        archives=tuple(settings.default_archive_endpoints(label)),
    )


def shown(url: str) -> str:
    """The address without user, path and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def require_sdk() -> None:
    """Raise ChainRejected if the SDK is missing, or of a line that this was not made for."""
    try:
        version = metadata.version("bittensor")
    except metadata.PackageNotFoundError:
        raise ChainRejected(f"Bittensor's SDK is not installed: {INSTALL}") from None
    if not version.startswith(SDK_LINE):
        raise ChainRejected(
            f"Bittensor's SDK is {version} here and {SDK_LINE}x is needed: {INSTALL}"
        )


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        return False

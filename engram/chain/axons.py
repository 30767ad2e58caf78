"""Which addresses a neuron can be announced at, on any chain."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address

from engram.chain.interface import Axon
from engram.errors import ChainRejected

LARGEST_PORT = 65_535
_BROADCAST = IPv4Address("255.255.255.255")


def require_dialable(axon: Axon) -> None:
    """Raise ChainRejected unless somebody could dial it. Loopback is somebody's."""
    try:
        address = ip_address(axon.ip)
    except ValueError:
        raise ChainRejected(f"an axon has an IP address, not {axon.ip!r}") from None
    if address.is_unspecified or address.is_multicast or address == _BROADCAST:
        raise ChainRejected(f"nobody can connect to {axon.ip}; announce the address of this host")
    if not 1 <= axon.port <= LARGEST_PORT:
        raise ChainRejected(f"an axon's port is 1 to {LARGEST_PORT}, not {axon.port}")

"""Where neurons serve."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from ipaddress import IPv4Address, ip_address

from engram.chain.dev import events, seats
from engram.chain.dev.answers import done, not_registered, rate_limited
from engram.chain.dev.subnets import SubnetRow
from engram.chain.interface import Axon, Receipt
from engram.errors import ChainRejected

_LARGEST_PORT = 65_535
_BROADCAST = IPv4Address("255.255.255.255")


def require_axon(axon: Axon) -> None:
    """Raise ChainRejected unless others could dial it.

    Loopback is fine here, unlike on subtensor: a dev chain's neurons share one machine.
    """
    try:
        address = ip_address(axon.ip)
    except ValueError:
        raise ChainRejected(f"an axon has an IP address, not {axon.ip!r}") from None
    if address.is_unspecified or address.is_multicast or address == _BROADCAST:
        raise ChainRejected(f"nobody can connect to {axon.ip}; announce the address of this host")
    if not 1 <= axon.port <= _LARGEST_PORT:
        raise ChainRejected(f"an axon's port is 1 to {_LARGEST_PORT}, not {axon.port}")


def serve(
    connection: sqlite3.Connection, subnet: SubnetRow, block: int, hotkey: str, axon: Axon
) -> Receipt:
    """Announce a checked axon; unchanged, it costs nothing."""
    mine = seats.find(connection, subnet.netuid, hotkey)
    if mine is None:
        return not_registered(hotkey, subnet.netuid)
    if (mine.ip, mine.port) == (axon.ip, axon.port):
        return done(f"UID {mine.uid} is announced at {axon.url} already", "unchanged")
    if mine.served_at is not None:
        wait = mine.served_at + subnet.rules.serving_rate_limit - block
        if wait > 0:
            return rate_limited("an axon may be announced", wait)
    moved = replace(mine, ip=axon.ip, port=axon.port, served_at=block)
    seats.put(connection, subnet.netuid, block, [moved])
    events.record(
        connection, block, "axon", netuid=subnet.netuid, hotkey=hotkey, uid=mine.uid, url=axon.url
    )
    return done(f"UID {mine.uid} is announced at {axon.url} from block {block} on")

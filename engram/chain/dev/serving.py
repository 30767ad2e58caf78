"""Where neurons serve."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from engram.chain.dev import events, seats
from engram.chain.dev.answers import done, not_registered, rate_limited
from engram.chain.dev.subnets import SubnetRow
from engram.chain.interface import Axon, Receipt


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

"""Stake: what a validator's word weighs."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from engram.chain.dev import accounts, events, seats
from engram.chain.dev.answers import done, not_registered, refused
from engram.chain.dev.rules import units
from engram.chain.dev.subnets import SubnetRow
from engram.chain.interface import Receipt


def add_stake(
    connection: sqlite3.Connection, subnet: SubnetRow, block: int, hotkey: str, amount: int
) -> Receipt:
    """Move ``amount`` rao from the coldkey's balance to the hotkey's stake."""
    mine = seats.find(connection, subnet.netuid, hotkey)
    if mine is None:
        return not_registered(hotkey, subnet.netuid)
    if not accounts.debit(connection, mine.coldkey, amount):
        return refused(
            "low_balance",
            f"{mine.coldkey} has {units(accounts.balance(connection, mine.coldkey)):,.9g}, "
            f"not {units(amount):,.9g}; engram chain faucet gives more",
        )
    seats.put(connection, subnet.netuid, block, [replace(mine, stake=mine.stake + amount)])
    events.record(
        connection,
        block,
        "stake",
        netuid=subnet.netuid,
        hotkey=hotkey,
        uid=mine.uid,
        amount=units(amount),
    )
    return done(f"UID {mine.uid} has a stake of {units(mine.stake + amount):,.9g}")

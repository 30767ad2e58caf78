"""Who gets a UID, and who loses it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from engram.chain.dev import accounts, events, pairs, seats
from engram.chain.dev.answers import done, refused
from engram.chain.dev.rules import Rules, rao, units
from engram.chain.dev.seats import Seat
from engram.chain.dev.subnets import SubnetRow
from engram.chain.interface import Receipt


def register(
    connection: sqlite3.Connection,
    subnet: SubnetRow,
    block: int,
    *,
    hotkey: str,
    public_key: bytes,
    coldkey: str,
) -> Receipt:
    """Give a hotkey a UID: the next free one, or that of the neuron with the lowest emission."""
    taken = seats.current(connection, subnet.netuid)
    mine = next((seat for seat in taken if seat.hotkey == hotkey), None)
    if mine is not None:
        return done(f"{hotkey} has UID {mine.uid} already", "already_registered")
    cost = rao(subnet.rules.registration_cost)
    if not accounts.debit(connection, coldkey, cost):
        return refused(
            "low_balance",
            f"registration costs {units(cost):,.9g} and {coldkey} has "
            f"{units(accounts.balance(connection, coldkey)):,.9g}; engram chain faucet gives more",
        )
    accounts.book(connection, accounts.RECYCLED, cost)
    uid = _free_uid(connection, subnet, block, taken)
    seats.put(
        connection, subnet.netuid, block, [_new_seat(uid, hotkey, coldkey, public_key, block)]
    )
    events.record(connection, block, "registered", netuid=subnet.netuid, hotkey=hotkey, uid=uid)
    return done(f"{hotkey} has UID {uid} in subnet {subnet.netuid} from block {block} on")


def to_prune(taken: Sequence[Seat], rules: Rules, block: int) -> Seat:
    """The neuron that makes room: the lowest emission, of equals the oldest registration.

    Immune ones only if all are, as on subtensor.
    """
    return min(
        taken,
        key=lambda seat: (
            block - seat.registered_at < rules.immunity_period,
            seat.emission,
            seat.registered_at,
            seat.uid,
        ),
    )


def _free_uid(
    connection: sqlite3.Connection, subnet: SubnetRow, block: int, taken: Sequence[Seat]
) -> int:
    if len(taken) < subnet.rules.max_uids:
        return len(taken)
    out = to_prune(taken, subnet.rules, block)
    accounts.credit(connection, out.coldkey, out.stake)
    pairs.forget(connection, subnet.netuid, out.uid)
    events.record(
        connection, block, "deregistered", netuid=subnet.netuid, hotkey=out.hotkey, uid=out.uid
    )
    return out.uid


def _new_seat(uid: int, hotkey: str, coldkey: str, public_key: bytes, block: int) -> Seat:
    return Seat(
        uid=uid,
        hotkey=hotkey,
        coldkey=coldkey,
        public_key=public_key,
        registered_at=block,
        ip=None,
        port=None,
        served_at=None,
        stake=0,
        last_update=block,  # as on subtensor: a new neuron counts as having just set weights
        permit=False,
        incentive=0.0,
        dividends=0.0,
        emission=0,
    )

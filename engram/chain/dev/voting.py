"""Which weights the chain takes, and when they begin to count."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace

from engram.chain.dev import events, pairs, seats
from engram.chain.dev.answers import done, not_registered, rate_limited, refused
from engram.chain.dev.pairs import Pairs
from engram.chain.dev.rules import units
from engram.chain.dev.seats import Seat
from engram.chain.dev.subnets import SubnetRow
from engram.chain.interface import Receipt
from engram.chain.weighing import U16_MAX, capped, to_u16


def set_weights(
    connection: sqlite3.Connection,
    subnet: SubnetRow,
    block: int,
    hotkey: str,
    weights: Mapping[str, float],
    version_key: int,
) -> Receipt:
    """Set (or commit) a hotkey's weights, as far as the rules allow."""
    taken = seats.current(connection, subnet.netuid)
    mine = next((seat for seat in taken if seat.hotkey == hotkey), None)
    if mine is None:
        return not_registered(hotkey, subnet.netuid)
    uids = {seat.hotkey: seat.uid for seat in taken}
    known = {uids[one]: weight for one, weight in weights.items() if one in uids}
    chosen = to_u16(capped(known, subnet.rules.max_weight_limit))
    refusal = refusal_of(subnet, block, mine, chosen, version_key, len(taken))
    if refusal is not None:
        return refusal
    seats.put(connection, subnet.netuid, block, [replace(mine, last_update=block)])
    if subnet.rules.commit_reveal:
        return _commit(connection, subnet, block, mine, chosen)
    return _apply(connection, subnet, block, mine, chosen)


def refusal_of(
    subnet: SubnetRow, block: int, mine: Seat, chosen: Pairs, version_key: int, neurons: int
) -> Receipt | None:
    """The first rule that these weights break, in subtensor's order; None if they break none."""
    rules = subnet.rules
    if units(mine.stake) < rules.min_stake_to_set_weights:
        return refused(
            "low_stake",
            f"setting weights needs a stake of {rules.min_stake_to_set_weights:g}, "
            f"UID {mine.uid} has {units(mine.stake):g}",
        )
    if version_key < rules.weights_version:
        return refused(
            "version_too_low",
            f"the subnet wants weights of version {rules.weights_version} or later, "
            f"these are of version {version_key}; install a newer Engram",
        )
    wait = mine.last_update + rules.weights_rate_limit - block
    if wait > 0:
        return rate_limited("weights may be set", wait)
    return _refusal_of_pairs(subnet, block, mine, chosen, neurons)


def reveal(connection: sqlite3.Connection, subnet: SubnetRow, epoch_block: int) -> None:
    """After an epoch: commits whose time has come become weights, in their order."""
    due = connection.execute(
        "SELECT id, uid, hotkey, block, pairs FROM commits"
        " WHERE netuid = ? AND reveal_after <= ? ORDER BY id",
        (subnet.netuid, epoch_block),
    ).fetchall()
    for number, uid, hotkey, block, data in due:
        connection.execute("DELETE FROM commits WHERE id = ?", (number,))
        pairs.store_weights(connection, subnet.netuid, uid, block, data)
        events.record(
            connection, epoch_block, "revealed", netuid=subnet.netuid, hotkey=hotkey, uid=uid
        )


def _refusal_of_pairs(
    subnet: SubnetRow, block: int, mine: Seat, chosen: Pairs, neurons: int
) -> Receipt | None:
    rules = subnet.rules
    if not chosen:
        return refused("no_weights", "no registered hotkey has a weight above 0")
    if [uid for uid, _ in chosen] == [mine.uid]:
        return None  # a word about oneself harms nobody: an epoch does not count it
    if not mine.permit:
        return _no_permit(subnet, block, mine)
    least = min(rules.min_allowed_weights, neurons)
    if len(chosen) < least:
        return refused("too_few_weights", f"at least {least} weights are needed, not {len(chosen)}")
    values = [weight for _, weight in chosen]
    rounding = len(values) / U16_MAX  # each is rounded to a whole number
    if max(values) > (rules.max_weight_limit + rounding) * sum(values):
        return refused(
            "max_weight_exceeded",
            f"one weight may be {rules.max_weight_limit:.0%} of all, so more miners are needed",
        )
    return None


def _no_permit(subnet: SubnetRow, block: int, mine: Seat) -> Receipt:
    wait = subnet.next_epoch(block - 1) + 1 - block if mine.stake else None
    how = "the next epoch gives permits to the highest stakes" if wait else "it has no stake"
    return refused("no_permit", f"UID {mine.uid} has no validator permit: {how}", wait)


def _apply(
    connection: sqlite3.Connection, subnet: SubnetRow, block: int, mine: Seat, chosen: Pairs
) -> Receipt:
    pairs.store_weights(connection, subnet.netuid, mine.uid, block, pairs.pack(chosen))
    events.record(
        connection,
        block,
        "weights",
        netuid=subnet.netuid,
        hotkey=mine.hotkey,
        uid=mine.uid,
        weights=dict(chosen),
    )
    return done(f"UID {mine.uid} weights {len(chosen)} neurons from block {block} on")


def _commit(
    connection: sqlite3.Connection, subnet: SubnetRow, block: int, mine: Seat, chosen: Pairs
) -> Receipt:
    rules = subnet.rules
    reveal_after = subnet.next_epoch(block - 1) + (rules.reveal_period_epochs - 1) * (
        rules.tempo + 1
    )
    connection.execute(
        "INSERT INTO commits (netuid, uid, hotkey, block, reveal_after, pairs)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (subnet.netuid, mine.uid, mine.hotkey, block, reveal_after, pairs.pack(chosen)),
    )
    events.record(
        connection, block, "committed", netuid=subnet.netuid, hotkey=mine.hotkey, uid=mine.uid
    )
    return done(f"UID {mine.uid} has committed; revealed after block {reveal_after}", "committed")

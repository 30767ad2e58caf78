"""An epoch: what was said becomes what is earned."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engram.chain.dev import accounts, events, pairs, seats, subnets, voting
from engram.chain.dev.rules import RAO, Rules, rao, units
from engram.chain.dev.seats import Seat
from engram.chain.dev.subnets import SubnetRow
from engram.chain.dev.yuma import Consensus, Flags, Floats, Subnet, apportion, yuma


@dataclass(frozen=True, slots=True)
class Pay:
    """Rao for each UID."""

    miners: list[int]
    validators: list[int]


def run(connection: sqlite3.Connection, subnet: SubnetRow, block: int) -> None:
    """Count the weights, pay, give permits anew, then reveal what is due."""
    rules, netuid = subnet.rules, subnet.netuid
    before = seats.current(connection, netuid)
    pot = rao(rules.emission_per_block) * (block - subnet.last_epoch)
    if before:
        state = _state(connection, subnet, before, block)
        outcome = yuma(
            state, kappa=rules.kappa, beta=rules.bonds_penalty, alpha=1 - rules.bonds_moving_average
        )
        pay = shared_out(pot, outcome, state)
        pairs.store_bonds(connection, netuid, outcome.bonds)
        _settle(connection, subnet, block, before, outcome, pay)
    else:
        pay = Pay([], [])
    _book(connection, subnet, block, pot, pay)
    voting.reveal(connection, subnet, block)
    subnets.set_last_epoch(connection, netuid, block)
    seats.forget(connection, netuid, block - rules.history_blocks)
    events.forget(connection, block - rules.history_blocks)


def shared_out(pot: int, outcome: Consensus, state: Subnet) -> Pay:
    """Half for miners, half for validators; without weights by stake, as on subtensor."""
    nobody = [0] * len(state.stake)
    if outcome.incentive.any() and outcome.dividends.any():
        half = pot // 2
        return Pay(apportion(half, outcome.incentive), apportion(pot - half, outcome.dividends))
    voting_stake = np.where(state.votes, state.stake, 0.0)
    return Pay(nobody, apportion(pot, voting_stake if voting_stake.any() else state.stake))


def permits(stake: Floats, rules: Rules) -> Flags:
    """The ``max_validators`` highest stakes that reach the least stake; of equals the lower UID."""
    enough = (stake > 0) & (stake >= rules.min_stake_to_set_weights)
    order = np.argsort(-stake, kind="stable")[: rules.max_validators]
    best = np.zeros(len(stake), np.bool_)
    best[order] = True
    return best & enough


def _state(
    connection: sqlite3.Connection, subnet: SubnetRow, before: Sequence[Seat], block: int
) -> Subnet:
    rules, size = subnet.rules, len(before)
    registered_at = [seat.registered_at for seat in before]
    active = [seat.last_update + rules.activity_cutoff >= block for seat in before]
    bonds = pairs.bond_matrix(connection, subnet.netuid, size)
    bonds[:, np.array(registered_at) > subnet.last_epoch] = 0.0  # they were on who was there before
    stake = np.array([seat.stake / RAO for seat in before])
    return Subnet(
        stake=np.where(stake >= rules.min_stake_to_set_weights, stake, 0.0),
        votes=np.array([seat.permit for seat in before]) & np.array(active),
        weights=pairs.weight_matrix(pairs.weights(connection, subnet.netuid), registered_at, size),
        bonds=bonds,
    )


def _settle(
    connection: sqlite3.Connection,
    subnet: SubnetRow,
    block: int,
    before: Sequence[Seat],
    outcome: Consensus,
    pay: Pay,
) -> None:
    """A validator's pay is staked, as on subtensor; a miner's goes to its coldkey's balance."""
    after = [
        replace(
            seat,
            stake=seat.stake + pay.validators[n],
            incentive=float(outcome.incentive[n]),
            dividends=float(outcome.dividends[n]),
            emission=pay.miners[n] + pay.validators[n],
        )
        for n, seat in enumerate(before)
    ]
    granted = permits(np.array([seat.stake / RAO for seat in after]), subnet.rules)
    after = [replace(seat, permit=bool(granted[n])) for n, seat in enumerate(after)]
    changed = [new for new, old in zip(after, before, strict=True) if new != old]
    seats.put(connection, subnet.netuid, block, changed)
    for seat, amount in zip(before, pay.miners, strict=True):
        if amount:
            accounts.credit(connection, seat.coldkey, amount)


def _book(
    connection: sqlite3.Connection, subnet: SubnetRow, block: int, pot: int, pay: Pay
) -> None:
    """What nobody earned is recycled."""
    paid = sum(pay.miners) + sum(pay.validators)
    accounts.book(connection, accounts.EMITTED, pot)
    accounts.book(connection, accounts.RECYCLED, pot - paid)
    events.record(
        connection,
        block,
        "epoch",
        netuid=subnet.netuid,
        emitted=units(pot),
        miners=units(sum(pay.miners)),
        validators=units(sum(pay.validators)),
    )

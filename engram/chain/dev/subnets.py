"""Subnets: their rules, and the blocks in which their epochs fall."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from engram.chain.dev.rules import Rules
from engram.errors import ChainRejected


@dataclass(frozen=True, slots=True)
class SubnetRow:
    """A subnet as the ledger keeps it."""

    netuid: int
    rules: Rules
    last_epoch: int
    """Block."""

    def next_epoch(self, after: int) -> int:
        """The first epoch's block after a block, by subtensor's rule: one in tempo + 1 blocks."""
        period = self.rules.tempo + 1
        return after + period - (after + self.netuid + 1) % period


def start(connection: sqlite3.Connection, netuid: int, rules: Rules) -> None:
    connection.execute("INSERT INTO subnets VALUES (?, ?, 0)", (netuid, rules.to_json()))


def get(connection: sqlite3.Connection, netuid: int) -> SubnetRow:
    """Raises ChainRejected if there is no such subnet."""
    found = {subnet.netuid: subnet for subnet in every(connection)}
    if netuid not in found:
        there = ", ".join(map(str, sorted(found)))
        raise ChainRejected(f"this dev chain has no subnet {netuid}; it has {there}: use --netuid")
    return found[netuid]


def every(connection: sqlite3.Connection) -> list[SubnetRow]:
    rows = connection.execute("SELECT netuid, rules, last_epoch FROM subnets ORDER BY netuid")
    return [SubnetRow(netuid, Rules.from_json(rules), last) for netuid, rules, last in rows]


def set_rules(connection: sqlite3.Connection, netuid: int, rules: Rules) -> None:
    connection.execute("UPDATE subnets SET rules = ? WHERE netuid = ?", (rules.to_json(), netuid))


def set_last_epoch(connection: sqlite3.Connection, netuid: int, block: int) -> None:
    connection.execute("UPDATE subnets SET last_epoch = ? WHERE netuid = ?", (block, netuid))

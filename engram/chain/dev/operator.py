"""What only whoever runs a dev chain does: make it, move it on, mint, break it, look inside.

Nothing here passes the fault switches, so a chain that is down can be mended.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engram.chain.dev import accounts, blocks, clock, events, faults, growth, pairs, seats, subnets
from engram.chain.dev.events import Event
from engram.chain.dev.faults import Fault
from engram.chain.dev.ledger import Deadline, Ledger, new_file
from engram.chain.dev.rules import Rules, rao, units
from engram.chain.interface import Block
from engram.chain.signatures import public_key_of
from engram.errors import ChainRejected, InvalidInput

BLOCK_TIME_S = 12.0  # subtensor's
DEFAULT_NETUID = 1
_DEADLINE_S = 30.0
_MOST_BLOCKS = 100_000  # by hand, at once


def create(
    path: Path,
    *,
    block_time_s: float = BLOCK_TIME_S,
    subnet_rules: Mapping[int, Rules] | None = None,
    now: Callable[[], float] = time.time,
) -> None:
    """Make a dev chain. ``block_time_s`` 0 means that blocks are made by hand only.

    Raises ChainRejected if the file exists.
    """
    if not 0 <= block_time_s <= 3600:
        raise InvalidInput(f"the block time is 0 to 3600 seconds, not {block_time_s}")
    try:
        with new_file(path) as connection:
            blocks.start(connection)
            clock.start(connection, block_time_s, now())
            for netuid, rules in (subnet_rules or {DEFAULT_NETUID: Rules()}).items():
                subnets.start(connection, netuid, rules)
    except FileExistsError:
        raise ChainRejected(f"{path} exists; use it, or remove it first") from None


class DevOperator:
    """The hands of whoever runs a dev chain. Every call may raise ChainUnavailable."""

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        self._ledger = Ledger(path)
        self._now = now

    def advance(self, count: int) -> Block:
        """Make ``count`` blocks now; the last of them."""
        if not 1 <= count <= _MOST_BLOCKS:
            raise InvalidInput(f"advance makes 1 to {_MOST_BLOCKS:,} blocks, not {count}")
        with self._changing() as connection:
            growth.advance(connection, count, self._now())
            return blocks.head(connection)

    def faucet(self, address: str, amount: float) -> float:
        """Mint ``amount`` for an address; its balance."""
        public_key_of(address)  # raises InvalidInput
        with self._changing() as connection:
            accounts.credit(connection, address, rao(amount))
            accounts.book(connection, accounts.MINTED, rao(amount))
            block = blocks.head(connection).number + 1
            events.record(connection, block, "faucet", address=address, amount=amount)
            return units(accounts.balance(connection, address))

    def change_rules(self, netuid: int, **changes: Any) -> Rules:
        """Other rules from now on. Raises ChainRejected, or InvalidInput for a bad one."""
        with self._changing() as connection:
            rules = subnets.get(connection, netuid).rules.changed(**changes)
            subnets.set_rules(connection, netuid, rules)
            block = blocks.head(connection).number + 1
            changed = {name: asdict(rules)[name] for name in changes}
            events.record(connection, block, "rules", netuid=netuid, **changed)
            return rules

    def switch_on(self, fault: Fault, seconds: float = 0.0) -> None:
        """``seconds`` is by how much ``slow`` slows."""
        if not 0 <= seconds <= 3600:
            raise InvalidInput(f"a fault slows by 0 to 3600 seconds, not {seconds}")
        with self._changing() as connection:
            faults.switch_on(connection, fault, seconds)
            self._record_fault(connection, fault.value)

    def switch_off(self) -> None:
        """Switch every fault off."""
        with self._changing() as connection:
            faults.switch_off(connection)
            self._record_fault(connection, "none")

    def faults(self) -> faults.Faults:
        """Those that are on."""
        with self._looking() as connection:
            return faults.switched_on(connection)

    def rules(self, netuid: int) -> Rules:
        """Raises ChainRejected if there is no such subnet."""
        with self._looking() as connection:
            return subnets.get(connection, netuid).rules

    def next_epoch(self, netuid: int) -> int:
        """The block of the next epoch."""
        with self._looking() as connection:
            return subnets.get(connection, netuid).next_epoch(blocks.head(connection).number)

    def genesis(self) -> bytes:
        """The hash of block 0, which no other chain has."""
        with self._looking() as connection:
            return blocks.block_at(connection, blocks.GENESIS).hash

    def block_time_s(self) -> float:
        """0 if blocks are made by hand."""
        with self._looking() as connection:
            return clock.read(connection).block_time

    def balance(self, address: str) -> float:
        """What an address has beside its stakes."""
        with self._looking() as connection:
            return units(accounts.balance(connection, address))

    def totals(self) -> dict[str, float]:
        """All that was ever ``minted``, ``emitted`` and ``recycled``."""
        with self._looking() as connection:
            return {name: units(amount) for name, amount in accounts.totals(connection).items()}

    def weights(self, netuid: int) -> dict[str, dict[str, int]]:
        """By the validator's hotkey: u16 weights by the miner's. Commits do not show."""
        with self._looking() as connection:
            there = seats.current(connection, netuid)
            found = pairs.weights(connection, netuid)
        return {
            there[uid].hotkey: {
                there[target].hotkey: weight
                for target, weight in pairs.unpack(data)
                if there[target].registered_at < block
            }
            for uid, (block, data) in found.items()
        }

    def history(self, limit: int, kind: str | None = None) -> list[Event]:
        """The last events, the newest last."""
        with self._looking() as connection:
            return events.latest(connection, limit, kind)

    def close(self) -> None:
        """Let go of the ledger; twice is once."""
        self._ledger.close()

    def _record_fault(self, connection: sqlite3.Connection, name: str) -> None:
        events.record(connection, blocks.head(connection).number, "fault", on=name)

    @contextmanager
    def _looking(self) -> Iterator[sqlite3.Connection]:
        with self._ledger.read(Deadline(_DEADLINE_S)) as connection:
            yield connection

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._ledger.write(Deadline(_DEADLINE_S)) as connection:
            growth.catch_up(connection, self._now())
            yield connection

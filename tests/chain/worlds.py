"""Chains to test against, each with a hand on what is behind it.

Every world stands on a dev ledger, whatever the implementation under test speaks to: so blocks,
registrations and stake are made in one way, and ``open`` is all that differs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Protocol

import pytest
from bittensor_core import Keypair

from engram.chain.dev import DevChain, DevOperator, Fault, Rules, create
from engram.chain.interface import Chain, Receipt, Signer
from engram.chain.wallet import KeypairSigner

NETUID = 1
DEADLINE_S = 30.0
QUICK = Rules(tempo=9, weights_rate_limit=5, serving_rate_limit=3, immunity_period=20)


class Open(Protocol):
    """Opens the chain under test."""

    def __call__(self, signer: Signer | None = None, *, deadline_s: float = DEADLINE_S) -> Chain:
        """A chain that is not connected yet."""
        ...


@cache
def signer(name: str) -> KeypairSigner:
    """The same real keys for the same name, in every run."""
    return KeypairSigner(
        Keypair.create_from_uri(f"//{name}"),
        Keypair.create_from_uri(f"//{name}//cold").ss58_address,
    )


@dataclass
class World:
    """A chain, and what stands behind it."""

    path: Path
    open: Open
    operator: DevOperator
    down: Callable[[], None]
    """Nobody answers any more."""
    freeze: Callable[[], None]
    """Calls hang."""
    reject: Callable[[], None]
    """Writes are refused."""
    mend: Callable[[], None]
    """All is well again."""
    netuid: int = NETUID
    opens_commits: bool = True
    """False if only the real network's clock (drand) can open committed weights."""
    _ledgers: dict[str, DevChain] = field(default_factory=dict)

    def register(self, *names: str) -> None:
        """Give each a UID, in this order."""
        for name in names:
            assert self.ledger(name).register(netuid=self.netuid).ok

    def stake(self, name: str, amount: float) -> Receipt:
        """Mint that much and stake it on the name's hotkey."""
        self.operator.faucet(signer(name).coldkey or "", amount)
        return self.ledger(name).add_stake(amount, netuid=self.netuid)

    def validators(self, **stakes: float) -> None:
        """Register these, stake on them, and let the epoch pass that gives them a permit."""
        for name, amount in stakes.items():
            self.register(name)
            assert self.stake(name, amount).ok
        self.epoch()

    def advance(self, blocks: int = 1) -> int:
        """Make blocks; the number of the last."""
        return self.operator.advance(blocks).number

    def epoch(self) -> int:
        """Make blocks up to the next epoch's; its number."""
        head = self.ledger("nobody").block().number
        return self.advance(self.operator.next_epoch(self.netuid) - head)

    def ledger(self, name: str) -> DevChain:
        """The ledger itself, with a key."""
        if name not in self._ledgers:
            self._ledgers[name] = DevChain(self.path, signer(name))
        return self._ledgers[name]

    @contextmanager
    def look(self) -> Iterator[sqlite3.Connection]:
        """The ledger's tables."""
        connection = sqlite3.connect(self.path)
        try:
            yield connection
        finally:
            connection.close()

    def close(self) -> None:
        for chain in self._ledgers.values():
            chain.close()
        self.operator.close()


@contextmanager
def dev_world(folder: Path, rules: Rules = QUICK) -> Iterator[World]:
    """The dev chain, with blocks made by hand."""
    path = folder / "chain.sqlite"
    create(path, block_time_s=0, subnet_rules={NETUID: rules})
    operator = DevOperator(path)
    opened: list[DevChain] = []

    def open_dev(signer: Signer | None = None, *, deadline_s: float = DEADLINE_S) -> Chain:
        opened.append(DevChain(path, signer, deadline_s=deadline_s))
        return opened[-1]

    world = World(
        path=path,
        open=open_dev,
        operator=operator,
        down=lambda: operator.switch_on(Fault.DOWN),
        freeze=lambda: operator.switch_on(Fault.FROZEN),
        reject=lambda: operator.switch_on(Fault.REJECTING),
        mend=operator.switch_off,
    )
    try:
        yield world
    finally:
        for chain in opened:
            chain.close()
        world.close()


def subtensor_world(folder: Path) -> AbstractContextManager[World]:
    """A subtensor node in front of the same ledger; skips the test where it cannot be."""
    pytest.importorskip("bittensor", reason="needs the extra engram-network[subtensor]")
    from tests.chain.subtensor import world  # it stands on this module

    return world.subtensor_world(folder)


# Every implementation of Chain: the contract runs against each.
WORLDS: dict[str, Callable[[Path], AbstractContextManager[World]]] = {
    "dev": dev_world,
    "subtensor": subtensor_world,
}

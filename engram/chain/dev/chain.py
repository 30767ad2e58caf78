"""The dev chain: a ledger in one file, shared by the processes of one machine."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engram.chain.axons import require_dialable
from engram.chain.dev import (
    blocks,
    clock,
    faults,
    growth,
    registration,
    seats,
    serving,
    staking,
    subnets,
    voting,
)
from engram.chain.dev.answers import refused
from engram.chain.dev.call import require_genuine, signed
from engram.chain.dev.faults import Fault, Faults, Gate
from engram.chain.dev.ledger import Deadline, Ledger
from engram.chain.dev.rules import rao
from engram.chain.dev.subnets import SubnetRow
from engram.chain.interface import Axon, Block, Hyperparameters, Receipt, Signer, Snapshot
from engram.chain.weighing import require_weights
from engram.errors import ChainRejected, ChainUnavailable

NAME = "dev chain"

Write = Callable[[sqlite3.Connection, SubnetRow, int], Receipt]
"""Does the work of a call for a block; nothing is written if it refuses."""


class DevChain:
    """``Chain`` over a ledger. What is written in a call is in the next block.

    So a snapshot of a block never changes, every block is final, and the hash of the block that
    will hold a registration is not known to whoever registers.
    """

    name = NAME
    is_public = False

    def __init__(
        self,
        path: Path,
        signer: Signer | None = None,
        *,
        deadline_s: float = 30.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = Ledger(path)
        self._signer = signer
        self._deadline_s = deadline_s
        self._now = now
        self._closed = threading.Event()

    def connect(self) -> None:
        """Raises ChainUnavailable if there is no ledger, or a fault is on."""
        self.block()

    def block(self) -> Block:
        """The last block; it is final."""
        with self._reading() as connection:
            return blocks.head(connection)

    def snapshot(self, netuid: int, at_block: int | None = None) -> Snapshot:
        """The subnet at the last block, or at one of the last ``history_blocks``.

        Raises ChainRejected for an older block, ChainUnavailable for one that is not made yet.
        """
        with self._reading() as connection:
            subnet = subnets.get(connection, netuid)
            block = blocks.head(connection)
            if at_block is not None:
                _require_known(at_block, block.number, subnet)
                block = blocks.block_at(connection, at_block)
            return Snapshot(netuid, block, seats.neurons_at(connection, netuid, block.number))

    def hyperparameters(self, netuid: int) -> Hyperparameters:
        """Raises ChainRejected if there is no such subnet."""
        with self._reading() as connection:
            rules = subnets.get(connection, netuid).rules
            return rules.hyperparameters(clock.read(connection).block_time)

    def serve_axon(self, axon: Axon, *, netuid: int) -> Receipt:
        """Codes: ok, unchanged, not_registered, rate_limited, rejected."""
        require_dialable(axon)
        return self._submit(
            "serve_axon",
            netuid,
            lambda connection, subnet, block: serving.serve(
                connection, subnet, block, self._hotkey(), axon
            ),
            ip=axon.ip,
            port=axon.port,
        )

    def set_weights(
        self, weights: Mapping[str, float], version_key: int, *, netuid: int
    ) -> Receipt:
        """Codes: ok, committed, not_registered, low_stake, version_too_low, rate_limited,
        no_weights, no_permit, too_few_weights, max_weight_exceeded, rejected.

        Shares above the largest that the subnet allows are cut to it first.
        """
        require_weights(weights)
        return self._submit(
            "set_weights",
            netuid,
            lambda connection, subnet, block: voting.set_weights(
                connection, subnet, block, self._hotkey(), weights, version_key
            ),
            weights=dict(weights),
            version_key=version_key,
        )

    def register(self, *, netuid: int, coldkey: str | None = None) -> Receipt:
        """Give the signer a UID. Codes: ok, already_registered, low_balance, rejected.

        It belongs to ``coldkey``, else to the signer's own, else to the hotkey itself.
        """
        signer = self._require_signer()
        owner = coldkey or signer.coldkey or signer.hotkey
        return self._submit(
            "register",
            netuid,
            lambda connection, subnet, block: registration.register(
                connection,
                subnet,
                block,
                hotkey=signer.hotkey,
                public_key=signer.public_key,
                coldkey=owner,
            ),
            coldkey=owner,
        )

    def add_stake(self, amount: float, *, netuid: int) -> Receipt:
        """Stake on the signer from its coldkey. Codes: ok, not_registered, low_balance, rejected.

        Signed by the hotkey: on a dev chain nobody needs to unlock a coldkey.
        """
        return self._submit(
            "add_stake",
            netuid,
            lambda connection, subnet, block: staking.add_stake(
                connection, subnet, block, self._hotkey(), rao(amount)
            ),
            rao=rao(amount),
        )

    def close(self) -> None:
        """Let go of the ledger, and of calls that hang in a fault; twice is once."""
        self._closed.set()
        self._ledger.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        deadline = Deadline(self._deadline_s)
        self._pass_gate(deadline)
        with self._ledger.read(deadline) as connection:
            behind = growth.is_due(connection, self._now())
        if behind:
            with self._ledger.write(deadline) as connection:
                growth.catch_up(connection, self._now())
        with self._ledger.read(deadline) as connection:
            yield connection

    def _submit(self, name: str, netuid: int, write: Write, **arguments: Any) -> Receipt:
        signer = self._require_signer()
        deadline = Deadline(self._deadline_s)
        if Fault.REJECTING in self._pass_gate(deadline):
            return refused("rejected", "the dev chain refuses every write (a fault switch)", 1)
        with self._ledger.write(deadline) as connection:
            growth.catch_up(connection, self._now())
            genesis = blocks.block_at(connection, blocks.GENESIS).hash
            require_genuine(signed(signer, genesis, name, netuid=netuid, **arguments))
            subnet = subnets.get(connection, netuid)
            return write(connection, subnet, blocks.head(connection).number + 1)

    def _pass_gate(self, deadline: Deadline) -> Faults:
        def look() -> Faults:
            with self._ledger.read(deadline) as connection:
                return faults.switched_on(connection)

        return Gate(look, self._closed.wait).passed(deadline)

    def _hotkey(self) -> str:
        return self._require_signer().hotkey

    def _require_signer(self) -> Signer:
        if self._signer is None:
            raise ChainRejected("this needs a wallet: use --wallet NAME/HOTKEY")
        return self._signer


def _require_known(block: int, head: int, subnet: SubnetRow) -> None:
    oldest = max(blocks.GENESIS, head - subnet.rules.history_blocks)
    if block > head:
        raise ChainUnavailable(f"block {block} is not made yet; the last one is {head}")
    if block < oldest:
        raise ChainRejected(f"snapshots go back to block {oldest}, not to {block}")

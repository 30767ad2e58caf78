"""The dev chain's ledger as a subtensor node sees it: finalized blocks, and one that is not yet.

What the ledger has written for its next block is the state of this node's newest block.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from engram.chain.dev import blocks, registration, seats, serving, subnets, voting
from engram.chain.dev.ledger import Deadline, Ledger
from engram.chain.dev.subnets import SubnetRow
from engram.chain.interface import Axon, Block, Neuron, Receipt
from engram.chain.signatures import public_key_of

DEADLINE_S = 10.0


@dataclass(frozen=True)
class Row:
    """A UID, and the block in which it announced its axon."""

    neuron: Neuron
    served_at: int


class Book:
    """Reads and writes for the node, past the ledger's own fault switches."""

    def __init__(self, path: Path) -> None:
        self._ledger = Ledger(path)
        self._numbers: dict[bytes, int] = {}

    def finalized(self) -> Block:
        with self._ledger.read(Deadline(DEADLINE_S)) as connection:
            return self._noted(blocks.head(connection))

    def best(self) -> Block:
        """One block ahead of the finalized; its hash is not the one that it will have then."""
        last = self.finalized()
        return self._noted(Block(last.number + 1, hashlib.sha256(b"best" + last.hash).digest()))

    def block_at(self, number: int) -> Block | None:
        best = self.best()
        if number >= best.number:
            return best if number == best.number else None
        with self._ledger.read(Deadline(DEADLINE_S)) as connection:
            return self._noted(blocks.block_at(connection, number))

    def number_of(self, block_hash: bytes) -> int | None:
        """None for a hash that this node never gave to anybody."""
        return self._numbers.get(block_hash)

    def subnet(self, netuid: int) -> SubnetRow | None:
        with self._ledger.read(Deadline(DEADLINE_S)) as connection:
            return {one.netuid: one for one in subnets.every(connection)}.get(netuid)

    def rows(self, netuid: int, number: int) -> list[Row]:
        """Every UID as of a block."""
        with self._ledger.read(Deadline(DEADLINE_S)) as connection:
            if number <= blocks.head(connection).number:
                return [Row(one, 0) for one in seats.neurons_at(connection, netuid, number)]
            taken = seats.current(connection, netuid)
        return [Row(seat.to_neuron(bytes(32)), seat.served_at or 0) for seat in taken]

    def register(self, netuid: int, hotkey: str, coldkey: str) -> Receipt:
        with self._ledger.write(Deadline(DEADLINE_S)) as connection:
            subnet = subnets.get(connection, netuid)
            block = blocks.head(connection).number + 1
            return registration.register(
                connection,
                subnet,
                block,
                hotkey=hotkey,
                public_key=public_key_of(hotkey),
                coldkey=coldkey,
            )

    def serve(self, netuid: int, hotkey: str, axon: Axon) -> Receipt:
        with self._ledger.write(Deadline(DEADLINE_S)) as connection:
            subnet = subnets.get(connection, netuid)
            block = blocks.head(connection).number + 1
            return serving.serve(connection, subnet, block, hotkey, axon)

    def set_weights(
        self, netuid: int, hotkey: str, weights: dict[int, int], version_key: int
    ) -> Receipt:
        with self._ledger.write(Deadline(DEADLINE_S)) as connection:
            subnet = subnets.get(connection, netuid)
            block = blocks.head(connection).number + 1
            hotkeys = {seat.uid: seat.hotkey for seat in seats.current(connection, netuid)}
            given = {hotkeys[uid]: float(weight) for uid, weight in weights.items()}
            return voting.set_weights(connection, subnet, block, hotkey, given, version_key)

    def note_commit(self, netuid: int, hotkey: str) -> Receipt:
        """A commit that only time can open: all the ledger can keep of it is that it came."""
        with self._ledger.write(Deadline(DEADLINE_S)) as connection:
            block = blocks.head(connection).number + 1
            mine = seats.find(connection, netuid, hotkey)
            if mine is None:
                return Receipt(False, "not_registered", hotkey)
            seats.put(connection, netuid, block, [replace(mine, last_update=block)])
        return Receipt(True, "committed", hotkey)

    def close(self) -> None:
        self._ledger.close()

    def _noted(self, block: Block) -> Block:
        self._numbers[block.hash] = block.number
        return block

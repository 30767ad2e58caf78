"""A chain in memory whose blocks come with simulated time."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import replace

from engram.chain.interface import Axon, Block, Hyperparameters, Neuron, Receipt, Snapshot
from engram.errors import ChainUnavailable

BLOCK_TIME_S = 12.0
FIRST_BLOCK = 1_000  # when simulations begin, so that there are two placement blocks already
RULES = Hyperparameters(
    tempo=99,
    weights_rate_limit=100,
    weights_version=0,
    min_allowed_weights=1,
    max_weight_limit=1.0,
    commit_reveal=False,
    reveal_period_epochs=1,
    immunity_period=100,
    activity_cutoff=5_000,
    max_uids=256,
    max_validators=64,
    min_stake_to_set_weights=0.0,
    block_time_s=BLOCK_TIME_S,
)


def block_hash(number: int) -> bytes:
    return hashlib.sha256(f"simulated block {number}".encode()).digest()


class Ledger:
    """Who is registered, at each block so far."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._states: list[tuple[int, tuple[Neuron, ...]]] = [(0, ())]

    @property
    def head(self) -> int:
        return FIRST_BLOCK + int(self._loop.time() / BLOCK_TIME_S)

    def at(self, number: int) -> tuple[Neuron, ...]:
        """The neurons as of a block."""
        return next(found for since, found in reversed(self._states) if since <= number)

    def since(self, number: int) -> list[tuple[Neuron, ...]]:
        """What the neurons have been from a block on, the last known change included."""
        later = [found for at, found in self._states if at > number]
        return [self.at(max(number, 0)), *later]

    def found(self, neurons: list[Neuron]) -> None:
        """These have been registered from the first block on."""
        self._states = [(0, tuple(neurons))]

    def change(self, uid: int, **fields: object) -> None:
        """From the next block on."""
        changed = tuple(
            replace(neuron, **fields) if neuron.uid == uid else neuron  # type: ignore[arg-type]
            for neuron in self._states[-1][1]
        )
        self._states.append((self.head + 1, changed))


class SimulatedChain:
    """The Chain of one node."""

    name = "a simulated chain"
    is_public = False

    def __init__(self, ledger: Ledger, uid: int) -> None:
        self.down = False
        self._ledger = ledger
        self._uid = uid

    def connect(self) -> None:
        self._reach()

    def block(self) -> Block:
        self._reach()
        return Block(self._ledger.head, block_hash(self._ledger.head))

    def snapshot(self, netuid: int, at_block: int | None = None) -> Snapshot:
        self._reach()
        number = self._ledger.head if at_block is None else at_block
        return Snapshot(netuid, Block(number, block_hash(number)), self._ledger.at(number))

    def serve_axon(self, axon: Axon, *, netuid: int) -> Receipt:
        self._reach()
        self._ledger.change(self._uid, axon=axon)
        return Receipt(True, "ok", "the axon is served")

    def set_weights(
        self, weights: Mapping[str, float], version_key: int, *, netuid: int
    ) -> Receipt:
        self._reach()
        last = next(n.last_update for n in self._ledger.at(self._ledger.head) if n.uid == self._uid)
        wait = last + RULES.weights_rate_limit - (self._ledger.head + 1)
        if wait > 0:
            return Receipt(False, "rate_limited", "too early", wait)
        self._ledger.change(self._uid, last_update=self._ledger.head + 1)
        return Receipt(True, "ok", "weights are set")

    def hyperparameters(self, netuid: int) -> Hyperparameters:
        self._reach()
        return RULES

    def close(self) -> None:
        pass

    def _reach(self) -> None:
        if self.down:
            raise ChainUnavailable("the simulated chain cannot be reached from here")

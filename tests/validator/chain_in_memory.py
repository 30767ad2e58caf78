"""A chain in this process's memory: blocks when the test wants them, and faults."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from engram.chain.interface import Axon, Block, Hyperparameters, Neuron, Receipt, Snapshot
from engram.errors import ChainUnavailable
from tests.chain.worlds import signer

RULES = Hyperparameters(
    tempo=20,
    weights_rate_limit=10,
    weights_version=0,
    min_allowed_weights=1,
    max_weight_limit=1.0,
    commit_reveal=False,
    reveal_period_epochs=1,
    immunity_period=100,
    activity_cutoff=5000,
    max_uids=256,
    max_validators=64,
    min_stake_to_set_weights=0.0,
    block_time_s=12.0,
)
VALIDATOR = "the validator"
"""Its key's name; the keys of miners are named by ``miner_name``."""


def miner_name(uid: int) -> str:
    return f"miner {uid}"


def block_hash(number: int) -> bytes:
    return hashlib.sha256(f"block {number}".encode()).digest()


def neuron(uid: int, name: str, registered_at: int, axon: Axon | None) -> Neuron:
    key = signer(name)
    return Neuron(
        uid=uid,
        hotkey=key.hotkey,
        coldkey="cold",
        public_key=key.public_key,
        axon=axon,
        stake=100.0 if axon is None else 0.0,
        incentive=0.0,
        dividends=0.0,
        emission=0.0,
        validator_permit=axon is None,
        last_update=0,
        registered_at=registered_at,
        registered_hash=block_hash(registered_at),
    )


class MemoryChain:
    """Implements Chain. Every neuron that was ever there is there in all snapshots since."""

    name = "a chain in memory"
    is_public = False

    def __init__(self, axons: list[Axon], rules: Hyperparameters = RULES) -> None:
        self.head = 10
        self.rules = rules
        self.down = False
        self.refuses: Receipt | None = None
        self.loses_replies = False
        self.taken: list[tuple[int, dict[str, float], int]] = []
        """(block, weights, version key) of each set that was accepted."""
        self.calls: list[str] = []
        self.neurons = [
            neuron(uid, miner_name(uid), uid % 7, axon) for uid, axon in enumerate(axons)
        ] + [neuron(len(axons), VALIDATOR, 1, None)]

    def change(self, uid: int, **fields: object) -> None:
        self.neurons = [replace(n, **fields) if n.uid == uid else n for n in self.neurons]  # type: ignore[arg-type]

    def own(self) -> Neuron:
        return self.neurons[-1]

    def connect(self) -> None:
        self._reach("connect")

    def block(self) -> Block:
        self._reach("block")
        return Block(self.head, block_hash(self.head))

    def snapshot(self, netuid: int, at_block: int | None = None) -> Snapshot:
        self._reach("snapshot")
        number = self.head if at_block is None else at_block
        return Snapshot(netuid, Block(number, block_hash(number)), tuple(self.neurons))

    def serve_axon(self, axon: Axon, *, netuid: int) -> Receipt:
        raise AssertionError("a validator serves no axon")

    def set_weights(
        self, weights: Mapping[str, float], version_key: int, *, netuid: int
    ) -> Receipt:
        self._reach("set_weights")
        if self.refuses is not None:
            return self.refuses
        wait = self.own().last_update + self.rules.weights_rate_limit - (self.head + 1)
        if wait > 0:
            return Receipt(False, "rate_limited", "too early", wait)
        self.change(self.own().uid, last_update=self.head + 1)
        self.taken.append((self.head + 1, dict(weights), version_key))
        if self.loses_replies:
            raise ChainUnavailable("the connection broke after the call was sent")
        return Receipt(True, "ok", "weights are set")

    def hyperparameters(self, netuid: int) -> Hyperparameters:
        self._reach("hyperparameters")
        return self.rules

    def close(self) -> None:
        pass

    def _reach(self, call: str) -> None:
        self.calls.append(call)
        if self.down:
            raise ChainUnavailable("the chain is down")

"""What every chain promises, whatever keeps its ledger. No type of any SDK crosses this door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Block:
    """A finalized block."""

    number: int
    hash: bytes
    """32 bytes."""


@dataclass(frozen=True, slots=True)
class Axon:
    """Where a neuron serves."""

    ip: str
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"http://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Neuron:
    """One UID of a subnet, as of a block."""

    uid: int
    """0..65535; a subnet holds at most 256."""
    hotkey: str
    """SS58 address."""
    coldkey: str
    """SS58 address."""
    public_key: bytes
    """The hotkey's 32 bytes (sr25519)."""
    axon: Axon | None
    """None if the neuron announces no address."""
    stake: float
    """In the chain's unit, as the subnet counts it."""
    incentive: float
    """Share of what miners earn, 0..1."""
    dividends: float
    """Share of what validators earn, 0..1."""
    emission: float
    """In the chain's unit per epoch."""
    validator_permit: bool
    last_update: int
    """Block in which it last set weights."""
    registered_at: int
    """Block in which this hotkey took the UID."""
    registered_hash: bytes | None
    """That block's 32-byte hash; None while it is not known yet."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A subnet as of one finalized block."""

    netuid: int
    block: Block
    neurons: tuple[Neuron, ...]
    """By ascending UID."""

    def by_hotkey(self, hotkey: str) -> Neuron | None:
        return next((n for n in self.neurons if n.hotkey == hotkey), None)


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """The subnet's rules that Engram acts on."""

    tempo: int
    """Blocks from one epoch to the next, less one."""
    weights_rate_limit: int
    """Blocks that must pass between two weight sets of a neuron."""
    weights_version: int
    """The lowest version key that the chain takes."""
    min_allowed_weights: int
    max_weight_limit: float
    """Largest share of one weight, 0..1."""
    commit_reveal: bool
    """True if weights are committed first and revealed later."""
    reveal_period_epochs: int
    immunity_period: int
    """Blocks in which a new neuron is not deregistered."""
    activity_cutoff: int
    """Blocks after which a validator's old weights no longer count."""
    max_uids: int
    max_validators: int
    min_stake_to_set_weights: float
    block_time_s: float
    """Seconds from one block to the next."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the chain said to a write."""

    ok: bool
    code: str
    """Stable word: ``ok``, ``rate_limited``, ``not_registered``, ``no_permit``, ..."""
    message: str
    """A sentence that a person can act on."""
    retry_after_blocks: int | None = None
    """Blocks after which the same call may succeed; None if waiting does not help."""


class Signer(Protocol):
    """A hotkey that signs (sr25519)."""

    @property
    def hotkey(self) -> str:
        """SS58 address."""
        ...

    @property
    def coldkey(self) -> str | None:
        """SS58 address of the owner, None if its public file is not on this machine."""
        ...

    @property
    def public_key(self) -> bytes:
        """32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        ...


class Chain(Protocol):
    """A chain. Every call blocks, has its own deadline, and may come from any thread.

    Every call may raise ChainUnavailable (no answer in time: try later). A write that the chain
    refuses for its state returns a Receipt with ``ok`` False; ChainRejected is for what can never
    succeed as it stands.
    """

    name: str
    """What to call it to people, e.g. ``dev chain`` or ``finney``."""
    is_public: bool
    """True if strangers share it. A dev chain is labelled as such wherever it shows."""

    def connect(self) -> None:
        """Reach the chain, or raise ChainUnavailable. Later calls reconnect by themselves."""
        ...

    def block(self) -> Block:
        """The last finalized block."""
        ...

    def snapshot(self, netuid: int, at_block: int | None = None) -> Snapshot:
        """The subnet at the last finalized block, or at an earlier one."""
        ...

    def serve_axon(self, axon: Axon, *, netuid: int) -> Receipt:
        """Announce where the signer's neuron serves; unchanged is ``ok`` and costs nothing."""
        ...

    def set_weights(
        self, weights: Mapping[str, float], version_key: int, *, netuid: int
    ) -> Receipt:
        """Set the signer's weights, keyed by hotkey; resolved to UIDs when submitted.

        Weights are not negative; only their proportions count. Hotkeys that are no longer
        registered are left out. Never repeated blindly after a lost connection.
        """
        ...

    def hyperparameters(self, netuid: int) -> Hyperparameters: ...

    def close(self) -> None:
        """Let go of the connection; twice is once."""
        ...

"""``Chain`` over a subtensor node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engram.chain.interface import Axon, Block, Hyperparameters, Receipt, Signer, Snapshot
from engram.chain.subtensor.connection import Owner
from engram.chain.subtensor.endpoint import endpoint_of
from engram.chain.subtensor.serving import require_axon, serve_axon
from engram.chain.subtensor.subnet import (
    Hashes,
    block_at,
    finalized,
    hashes_of,
    rules_of,
    subnet_at,
)
from engram.chain.subtensor.weights import Request, WeightSetter
from engram.chain.weighing import require_weights
from engram.errors import ChainRejected

if TYPE_CHECKING:
    import bittensor

DEADLINE_S = 30.0  # two blocks and some: the SDK's own is 60 s


class SubtensorChain:
    """One long-lived connection. Reads see finalized blocks, writes wait to be in a block.

    Whoever signs is known by the hotkey. Raises InvalidInput for a location that is none, and
    ChainRejected if the SDK is not installed.
    """

    is_public = True

    def __init__(
        self, location: str, signer: Signer | None = None, *, deadline_s: float = DEADLINE_S
    ) -> None:
        endpoint = endpoint_of(location)
        self.name = endpoint.name
        self._owner = Owner(endpoint, deadline_s)
        self._signer = signer
        self._setter = WeightSetter()
        self._hashes: dict[int, Hashes] = {}

    def connect(self) -> None:
        """Raises ChainUnavailable if the node does not answer."""
        self.block()

    def block(self) -> Block:
        """The last finalized block."""
        return self._owner.ask(finalized)

    def snapshot(self, netuid: int, at_block: int | None = None) -> Snapshot:
        """The subnet at the last finalized block, or at an earlier one.

        A registration hash is None where the node has forgotten it. Raises ChainRejected if there
        is no such subnet, ChainUnavailable for a block that is not final, or no longer known.
        """

        async def look(substrate: bittensor.RpcSubstrate) -> Snapshot:
            if at_block is None:
                block = await finalized(substrate)
            else:
                block = await block_at(substrate, at_block)
            subnet = await subnet_at(substrate, netuid, block)
            known = self._hashes.get(netuid, {})
            hashes = await hashes_of(substrate, subnet.registration_blocks(), known)
            self._hashes[netuid] = hashes
            return subnet.snapshot(hashes)

        return self._owner.ask(look)

    def hyperparameters(self, netuid: int) -> Hyperparameters:
        """The rules at the last finalized block. Raises ChainRejected without such a subnet."""

        async def look(substrate: bittensor.RpcSubstrate) -> Hyperparameters:
            subnet = await subnet_at(substrate, netuid, await finalized(substrate))
            return await rules_of(substrate, subnet)

        return self._owner.ask(look)

    def serve_axon(self, axon: Axon, *, netuid: int) -> Receipt:
        """Codes: ok, unchanged, not_registered, rate_limited, low_balance, pending, rejected.

        Raises ChainRejected for an address that the runtime refuses, such as 127.0.0.1.
        """
        require_axon(axon)
        signer = self._require_signer()
        return self._owner.ask(lambda substrate: serve_axon(substrate, signer, netuid, axon))

    def set_weights(
        self, weights: Mapping[str, float], version_key: int, *, netuid: int
    ) -> Receipt:
        """Codes: ok, committed, not_registered, low_stake, version_too_low, rate_limited,
        no_weights, no_permit, too_few_weights, max_weight_exceeded, rules_changed, low_balance,
        pending (an earlier attempt whose answer was lost may still count), rejected.

        Shares above the largest that the subnet allows are cut to it first.
        """
        require_weights(weights)
        signer = self._require_signer()
        request = Request(netuid, dict(weights), version_key)
        return self._owner.ask(lambda substrate: self._setter.set(substrate, signer, request))

    def close(self) -> None:
        """Let go of the connection; twice is once."""
        self._owner.close()

    def _require_signer(self) -> Signer:
        if self._signer is None:
            raise ChainRejected("this needs a wallet: use --wallet NAME/HOTKEY")
        return self._signer

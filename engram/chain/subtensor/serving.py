"""Announcing where a neuron serves."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from engram.chain.axons import require_dialable
from engram.chain.interface import Axon, Receipt, Signer
from engram.chain.subtensor.failures import Lost, outcome_of
from engram.chain.subtensor.signing import SdkSigner
from engram.chain.subtensor.subnet import best, subnet_at
from engram.errors import ChainRejected, ChainUnavailable

if TYPE_CHECKING:
    import bittensor

ERA_BLOCKS = 16  # a write is in a block within these, or never: then its fate is known
REFUSED = {"127.0.0.1", "::1"}  # by the runtime; 127.0.0.2 it takes


def require_axon(axon: Axon) -> None:
    """Raise ChainRejected for an address that the runtime refuses."""
    require_dialable(axon)
    if str(ip_address(axon.ip)) in REFUSED:
        raise ChainRejected(
            f"the chain takes no axon at {axon.ip}, because others cannot reach it; "
            "announce this host's public address with --external-ip"
        )


async def serve_axon(
    substrate: bittensor.RpcSubstrate, signer: Signer, netuid: int, axon: Axon
) -> Receipt:
    """Announce a checked axon, if the chain does not have it yet.

    Raises ChainUnavailable if the answer was lost and the chain does not have it.
    """
    import bittensor

    subnet = await subnet_at(substrate, netuid, await best(substrate))
    uid = subnet.uid_of(signer.hotkey)
    if uid is None:
        return not_registered(signer.hotkey, netuid)
    if subnet.axon(uid) == axon:
        return Receipt(True, "unchanged", f"UID {uid} is announced at {axon.url} already")
    wait = subnet.served_at(uid) + int(subnet.raw["serving_rate_limit"]) - subnet.block.number
    if subnet.served_at(uid) and wait > 0:
        return Receipt(False, "rate_limited", f"an axon may be announced in {wait} blocks", wait)
    outcome = await outcome_of(
        bittensor.Client(substrate=substrate).execute(
            bittensor.ServeAxon(netuid=netuid, ip=axon.ip, port=axon.port),
            SdkSigner(signer),
            period=ERA_BLOCKS,
            wait_for_finalization=False,
        )
    )
    if isinstance(outcome, Receipt):
        return outcome
    return await _looked_up(substrate, signer.hotkey, netuid, axon, outcome)


async def _looked_up(
    substrate: bittensor.RpcSubstrate, hotkey: str, netuid: int, axon: Axon, lost: Lost
) -> Receipt:
    subnet = await subnet_at(substrate, netuid, await best(substrate))
    uid = subnet.uid_of(hotkey)
    if uid is None or subnet.axon(uid) != axon:
        raise ChainUnavailable(f"whether the axon was announced is not known: {lost.why}")
    return Receipt(True, "ok", f"UID {uid} is announced at {axon.url}; the answer was lost")


def not_registered(hotkey: str, netuid: int) -> Receipt:
    return Receipt(
        False,
        "not_registered",
        f"{hotkey} has no UID in subnet {netuid}; its owner registers it: "
        f"btcli subnets register --netuid {netuid}",
    )

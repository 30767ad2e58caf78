"""What may be wrong with a miner's place on a chain, and the way out. The log and doctor say it."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from engram.chain.interface import Axon

PROBE_TIMEOUT_S = 3.0


def not_registered(hotkey: str, netuid: int) -> str:
    return (
        f"Hotkey {hotkey} is not registered on subnet {netuid}, so nobody will find this miner and "
        "nothing is earned. Register it (btcli subnet register; on a dev chain: engram chain "
        "register); this is looked at again with every metagraph."
    )


def no_address(host: str) -> str:
    return (
        f"This miner is bound to {host}, which is no address that others could dial, so it is not "
        "announced. Name the one that they reach it by with --external-ip."
    )


def private_address(axon: Axon) -> str:
    return (
        f"{axon.ip} is a private address: validators elsewhere cannot reach it. Name the public "
        "one with --external-ip, and forward its port to this machine."
    )


def unreachable(axon: Axon) -> str:
    return (
        f"{axon.url} does not answer from here. If others cannot reach it either, nothing is "
        f"earned: open port {axon.port} in the firewall, or correct --external-ip and "
        "--external-port."
    )


def two_miners(hotkey: str, other: Axon) -> str:
    return (
        f"Two miners use hotkey {hotkey}: the chain has {other.url}, and something answers there. "
        "Only one of them is found. Stop the other, or give it a hotkey of its own."
    )


def not_announced(axon: Axon, reason: str) -> str:
    return f"The chain did not take the address {axon.url}: {reason}"


def coldkey_here(path: Path) -> str:
    return (
        f"A coldkey lies on this machine ({path}). A miner needs the hotkey alone: whoever breaks "
        "in could take all that the coldkey owns. Move it to a machine that serves nothing."
    )


def is_private(ip: str) -> bool:
    """True if only this machine or its own network can dial the address."""
    return not ip_address(ip).is_global


def answers(url: str) -> bool:
    """True if a node says there that it is alive. Blocks for a few seconds at the most."""
    import httpx  # 0.1 s that a miner without a chain saves

    try:
        return httpx.get(f"{url}/health", timeout=PROBE_TIMEOUT_S).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False

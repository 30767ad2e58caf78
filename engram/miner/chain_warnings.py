"""What may be wrong with a miner's place on a chain, and the way out. The log and doctor say it."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from engram.chain.interface import Axon

PROBE_TIMEOUT_S = 3.0


class Concern(NamedTuple):
    """Something for the operator; none of these keeps a miner from serving."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}"


def not_registered(hotkey: str, netuid: int) -> Concern:
    return Concern(
        f"Hotkey {hotkey} is not registered on subnet {netuid}, so nobody finds this miner and "
        "nothing is earned.",
        "Register it: btcli subnet register; on a dev chain: engram chain register.",
    )


def no_address(host: str) -> Concern:
    return Concern(
        f"{host} is no address that others could dial, so this miner is not announced.",
        "Name the address that they reach it by: --external-ip.",
    )


def private_address(axon: Axon) -> Concern:
    return Concern(
        f"{axon.ip} is a private address, which validators elsewhere cannot reach.",
        "Name the public one with --external-ip, and forward its port to this machine.",
    )


def unreachable(axon: Axon) -> Concern:
    return Concern(
        f"Nothing answers at {axon.url}, seen from here.",
        f"If others cannot reach it either, open port {axon.port} in the firewall, or correct "
        "--external-ip and --external-port.",
    )


def two_miners(hotkey: str, other: Axon) -> Concern:
    return Concern(
        f"Two miners use hotkey {hotkey}: the chain has {other.url}, and something answers there.",
        "Only one of them is found: stop the other, or give it a hotkey of its own.",
    )


def not_announced(axon: Axon, reason: str) -> Concern:
    return Concern(
        f"The chain did not take the address {axon.url}: {reason.rstrip('.')}.",
        "It is tried again with every metagraph.",
    )


def coldkey_here(path: Path) -> Concern:
    return Concern(
        f"A coldkey lies on this machine ({path}): whoever breaks in could take all it owns.",
        "A miner needs the hotkey alone; move the coldkey to a machine that serves nothing.",
    )


def is_private(ip: str) -> bool:
    """True if only this machine or its own network can dial the address."""
    return not ip_address(ip).is_global


def answers(url: str) -> bool:
    """True if a node says there that it is alive. Blocks for a few seconds at the most."""
    import httpx  # 0.1 s that a miner without a chain saves

    try:  # no proxy: it would answer for whom it cannot reach
        answer = httpx.get(f"{url}/health", timeout=PROBE_TIMEOUT_S, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK

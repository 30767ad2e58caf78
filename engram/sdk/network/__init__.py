"""Reading and writing a whole network: every miner's part of it, merged, confirmed and checked."""

from engram.sdk.network.async_network import AsyncEngramNetwork
from engram.sdk.network.network import EngramNetwork
from engram.sdk.network.results import (
    HolderVerdict,
    NetworkHit,
    NetworkPage,
    NetworkResults,
    NetworkVerification,
    NodeName,
    Rejected,
    Silent,
)
from engram.sdk.network.standing import MemberStanding

__all__ = [
    "AsyncEngramNetwork",
    "EngramNetwork",
    "HolderVerdict",
    "MemberStanding",
    "NetworkHit",
    "NetworkPage",
    "NetworkResults",
    "NetworkVerification",
    "NodeName",
    "Rejected",
    "Silent",
]

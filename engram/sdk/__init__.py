"""The library: Memory for applications, EngramClient for a node, EngramNetwork for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engram.sdk.async_client import AsyncEngramClient
from engram.sdk.async_memory import AsyncMemory
from engram.sdk.client import EngramClient
from engram.sdk.exchange import RetryPolicy
from engram.sdk.memory import Memory
from engram.sdk.results import (
    Failed,
    Hit,
    Ingested,
    Page,
    Proof,
    Record,
    Results,
    Stats,
    Verification,
)

if TYPE_CHECKING:
    from engram.sdk.network import AsyncEngramNetwork, EngramNetwork

__all__ = [
    "AsyncEngramClient",
    "AsyncEngramNetwork",
    "AsyncMemory",
    "EngramClient",
    "EngramNetwork",
    "Failed",
    "Hit",
    "Ingested",
    "Memory",
    "Page",
    "Proof",
    "Record",
    "Results",
    "RetryPolicy",
    "Stats",
    "Verification",
]


def __getattr__(name: str) -> Any:
    # Imported on first use: placement brings numpy, which a client of one node does not need.
    if name in ("AsyncEngramNetwork", "EngramNetwork"):
        from engram.sdk import network

        return getattr(network, name)
    raise AttributeError(f"module 'engram.sdk' has no attribute {name!r}")

"""The library: Memory for applications, EngramClient for the wire."""

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

__all__ = [
    "AsyncEngramClient",
    "AsyncMemory",
    "EngramClient",
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

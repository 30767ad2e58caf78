"""Engram: permanent, content-addressed semantic memory.

from engram import Memory

memory = Memory("./mem")
memory.add("The oak in the yard was planted in 1911.")
memory.search("how old is the tree?")[0].text
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engram.errors import EngramError
    from engram.sdk import (
        AsyncEngramClient,
        AsyncEngramNetwork,
        AsyncMemory,
        EngramClient,
        EngramNetwork,
        Memory,
    )

__version__ = "0.1.0"

__all__ = [
    "AsyncEngramClient",
    "AsyncEngramNetwork",
    "AsyncMemory",
    "EngramClient",
    "EngramError",
    "EngramNetwork",
    "Memory",
    "__version__",
]


def __getattr__(name: str) -> Any:
    # Imported on first use: a command line that prints its help needs none of them.
    if name == "EngramError":
        from engram.errors import EngramError

        return EngramError
    if name in __all__:
        from engram import sdk

        return getattr(sdk, name)
    raise AttributeError(f"module 'engram' has no attribute {name!r}")

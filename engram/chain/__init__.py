"""The chain that a subnet lives on: who is registered, where they are, what they are paid."""

from __future__ import annotations

from pathlib import Path

from engram.chain.interface import Chain, Signer
from engram.errors import InvalidInput

__all__ = ["DEV_SCHEME", "dev_path", "open_chain"]

DEV_SCHEME = "dev:"


def open_chain(location: str, signer: Signer | None = None, *, deadline_s: float = 30.0) -> Chain:
    """The chain at ``dev:PATH``, ``finney``, ``test``, ``ws://...`` or ``wss://...``.

    Nothing is dialled before the first call. Without a signer it can be read only. ``deadline_s``
    is how long each call may take. Raises InvalidInput for a location that is none, ChainRejected
    if the package for it is not installed.
    """
    if location.startswith(DEV_SCHEME):
        from engram.chain.dev import DevChain  # numpy and SQLite, which no other chain needs

        return DevChain(dev_path(location), signer, deadline_s=deadline_s)
    from engram.chain.subtensor import SubtensorChain, is_subtensor

    if is_subtensor(location):
        return SubtensorChain(location, signer, deadline_s=deadline_s)
    raise InvalidInput(f"a chain is dev:PATH, finney, test or ws://HOST:PORT, not {location!r}")


def dev_path(location: str) -> Path:
    """The ledger's file in ``dev:PATH``. Raises InvalidInput for anything else."""
    path = location.removeprefix(DEV_SCHEME)
    if path == location or not path:
        raise InvalidInput(f"a dev chain is dev:PATH, such as dev:./chain.sqlite, not {location!r}")
    return Path(path).expanduser()

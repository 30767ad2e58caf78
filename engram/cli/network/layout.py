"""What lies where in the folder of a local network, and what its nodes are called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engram.storage import Holder, describe_holder

Role = Literal["miner", "validator"]

PROBES: dict[Role, str] = {"miner": "/ready", "validator": "/health"}
"""Paths that answer once a node has loaded everything."""
WALLET = "local"
LOG_LINES_SHOWN = 15


@dataclass(frozen=True)
class Layout:
    """The folder in which ``engram up`` keeps everything."""

    root: Path

    @property
    def ledger(self) -> Path:
        return self.root / "chain.sqlite"

    @property
    def chain(self) -> str:
        """The ledger as an option ``--chain``."""
        return f"dev:{self.ledger}"

    @property
    def wallets(self) -> Path:
        return self.root / "wallets"

    @property
    def report(self) -> Path:
        """What the supervisor says of its nodes."""
        return self.root / "network.json"

    @property
    def corpus_receipt(self) -> Path:
        return self.root / "corpus.json"

    def data(self, name: str) -> Path:
        """Where a node keeps its records or its state."""
        return self.root / name

    def log(self, name: str) -> Path:
        return self.root / f"{name}.log"

    def wallet(self, name: str) -> str:
        """A node's keys as an option ``--wallet``."""
        return f"{WALLET}/{name}"

    def holder(self) -> Holder | None:
        """The supervisor that runs here, if one does."""
        return describe_holder(self.root)

    def log_tail(self, name: str) -> str:
        path = self.log(name)
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return "\n".join(f"    {line}" for line in lines[-LOG_LINES_SHOWN:])


SUPERVISOR = "network"
"""Names the supervisor's log."""


def names(role: Role, count: int) -> Iterator[str]:
    """miner, miner-2, miner-3: the first one's folder is where the operator's commands look."""
    yield from (role if number == 1 else f"{role}-{number}" for number in range(1, count + 1))

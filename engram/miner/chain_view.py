"""What a miner knows of its chain, as of the last word from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engram.chain.interface import Neuron, Snapshot

ChainState = Literal["none", "connecting", "connected", "chain-less"]


@dataclass(frozen=True, slots=True)
class ChainView:
    """One moment's view; the thread that owns the chain replaces it as a whole."""

    name: str = "none"
    """What to call the chain to people."""
    is_dev: bool = False
    state: ChainState = "none"
    """``none``: not asked for. ``connecting``: the first attempts. ``chain-less``: they failed; the
    miner serves by what it last knew and goes on trying."""
    attempts: int = 0
    """That failed since the chain last answered."""
    hotkey: str | None = None
    block: int | None = None
    """The last finalized block that was seen."""
    metagraph: Snapshot | None = None
    warnings: tuple[str, ...] = ()
    """Sentences for the operator; none of them keeps the miner from serving."""

    @property
    def neuron(self) -> Neuron | None:
        """This miner on the chain; None if it is not registered, as far as is known."""
        if self.metagraph is None or self.hotkey is None:
            return None
        return self.metagraph.by_hotkey(self.hotkey)

    @property
    def peers(self) -> int:
        """Other neurons that announce an address."""
        if self.metagraph is None:
            return 0
        return sum(n.axon is not None and n.hotkey != self.hotkey for n in self.metagraph.neurons)


NO_CHAIN = ChainView()

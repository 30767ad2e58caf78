"""Is the process alive, and can it serve?"""

from __future__ import annotations

from engram.errors import NotReady
from engram.miner.draft import Json
from engram.miner.node import Node


class Health:
    """Probes for supervisors and load balancers."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def alive(self) -> Json:
        """HealthReply: whoever reads this has the answer."""
        return {"status": "ok"}

    def ready(self) -> Json:
        """ReadyReply. Raises NotReady while the node loads or stops."""
        if self.node.ready:
            return {"status": "ready"}
        if self.node.stopping:
            raise NotReady("The miner is stopping.", retry_after=5)
        raise NotReady("The store and the embedder are still loading.", retry_after=1)

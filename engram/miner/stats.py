"""What the node is, holds and does, for operators and dashboards."""

from __future__ import annotations

from dataclasses import asdict

from engram import __version__, core
from engram.core.limits import MODEL_VERSION
from engram.miner.draft import Json
from engram.miner.node import Node
from engram.protocol import PROTOCOL_VERSION


class Stats:
    """Answers /stats."""

    def __init__(self, node: Node) -> None:
        self.node = node

    async def now(self) -> Json:
        """StatsReply. Raises NotReady while the store loads."""
        node = self.node
        store = await node.store.stats()
        return {
            "vectors": store.records,
            "peers": 0,  # no chain, no peers and nobody who scores
            "scores": {},
            "uptime": round(node.monotonic() - node.started_at, 3),
            "version": __version__,
            "protocol_version": PROTOCOL_VERSION,
            "model_version": MODEL_VERSION,
            "chain": node.settings.chain,
            "core": core.BACKEND,
            "embedder": node.embedder.name,
            "exact": node.embedder.exact,
            "store": asdict(store),
            "queues": self._queues(),
            "latencies": node.metrics.latencies(),
        }

    def _queues(self) -> Json:
        node = self.node
        return {
            "texts": node.embedder.waiting,
            "uncommitted": node.store.uncommitted,
            "reads": node.store.points.in_flight,
            "scans": node.store.scans.in_flight,
            "bulk": node.bulk.in_flight,
        }

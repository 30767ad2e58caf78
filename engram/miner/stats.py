"""What the node is, holds and does, for operators and dashboards."""

from __future__ import annotations

from dataclasses import asdict

from engram import __version__, core
from engram.core.limits import MODEL_VERSION
from engram.miner.draft import Json
from engram.miner.node import Node
from engram.miner.replication.summary import summary
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
            "peers": node.chain.peers,
            "scores": node.scores,
            "uptime": round(node.monotonic() - node.started_at, 3),
            "version": __version__,
            "protocol_version": PROTOCOL_VERSION,
            "model_version": MODEL_VERSION,
            **self._chain(),
            "core": core.BACKEND,
            "embedder": node.embedder.name,
            "exact": node.embedder.exact,
            "embedder_fallback": node.embedder.fallback,
            "replication": self._replication(),
            "store": asdict(store),
            "queues": self._queues(),
            "latencies": node.metrics.latencies(),
        }

    def _chain(self) -> Json:
        """Where the node stands on its chain; null for what is not known."""
        view, placement = self.node.chain, self.node.table.current
        return {
            "chain": view.name,
            "dev_chain": view.is_dev,
            "chain_state": view.state,
            "chain_attempts": view.attempts,
            "hotkey": view.hotkey,
            "uid": view.neuron.uid if view.neuron else None,
            "block": view.block,
            "incentive": view.neuron.incentive if view.neuron else None,
            "placement_block": placement.number if placement else None,
            "warnings": list(view.warnings),
        }

    def _replication(self) -> Json:
        """Empty without a chain: then nobody is to hold what this node holds."""
        replication = self.node.replication
        return summary(replication) if replication is not None else {}

    def _queues(self) -> Json:
        node = self.node
        return {
            "texts": node.embedder.waiting,
            "uncommitted": node.store.uncommitted,
            "reads": node.store.points.in_flight,
            "scans": node.store.scans.in_flight,
            "bulk": node.bulk.in_flight,
        }

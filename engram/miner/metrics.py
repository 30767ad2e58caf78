"""Counters for operators: Prometheus text, and recent latencies for /stats."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.process_collector import ProcessCollector

from engram.miner.chain_view import ChainView
from engram.miner.replication.spread import Placed
from engram.storage.interface import StoreStats

RECENT = 1_024  # latencies kept for each path; /stats gives quantiles over these
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

STORE_GAUGES = {
    "records": "Live records.",
    "vectors": "Distinct vectors.",
    "indexed": "Vectors in the approximate index.",
    "tail": "Vectors searched exactly because the index does not have them yet.",
    "deleted": "Tombstones.",
    "disk_bytes": "Size of the data directory.",
    "rebuilding": "1 while the index is rebuilt.",
}


class Metrics:
    """One miner's counters, on a registry of their own. All units are base units."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "engram_http_requests", "HTTP requests.", ["path", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "engram_http_request_duration_seconds",
            "Time from the request's headers to the reply.",
            ["path"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.ingested = Counter(
            "engram_ingested_records", "Records acknowledged.", ["outcome"], registry=self.registry
        )
        self.build = Gauge(
            "engram_build_info",
            "Always 1; the labels say what runs.",
            ["version", "core", "embedder", "exact"],
            registry=self.registry,
        )
        self.new = self.ingested.labels("stored")
        self.again = self.ingested.labels("duplicate")
        self.recent: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=RECENT))
        self._request = cache(self.requests.labels)  # their own look-up takes a lock each time
        self._duration = cache(self.seconds.labels)
        ProcessCollector(namespace="engram", registry=self.registry)

    def observe(self, path: str, status: int, seconds: float) -> None:
        """One request was answered."""
        self._request(path, status).inc()
        self._duration(path).observe(seconds)
        self.recent[path].append(seconds)

    def count_ingests(self, outcomes: Sequence[Placed | Exception]) -> None:
        """Records were acknowledged, or refused one by one."""
        duplicates = [one.stored.duplicate for one in outcomes if isinstance(one, Placed)]
        again = sum(duplicates)
        self.again.inc(again)
        self.new.inc(len(duplicates) - again)

    def gauge(self, name: str, help_text: str, read: Callable[[], float]) -> None:
        """A value that is read whenever somebody looks."""
        Gauge(f"engram_{name}", help_text, registry=self.registry).set_function(read)

    def say_what_runs(self, version: str, core: str, embedder: str, exact: bool) -> None:
        """Label the build."""
        self.build.labels(version, core, embedder, str(exact).lower()).set(1)

    def watch_store(self, stats: Callable[[], StoreStats]) -> None:
        """Show the store's counts from now on; ``stats`` is called once a scrape."""
        self.registry.register(StoreGauges(stats))

    def watch_chain(self, view: Callable[[], ChainView]) -> None:
        """Show what is known of the chain from now on."""
        self.gauge("chain_connected", "1 if it answers.", lambda: view().state == "connected")
        self.gauge("chain_failed_attempts", "Since it last answered.", lambda: view().attempts)
        self.gauge("chain_block", "The last finalized block seen.", lambda: view().block or 0)
        self.gauge("chain_peers", "Other neurons with an address.", lambda: view().peers)
        self.gauge("chain_warnings", "What /stats warns of.", lambda: len(view().warnings))

    def watch_replication(self, read: Callable[[], dict[str, Any]]) -> None:
        """Show what passes between this node and the others; ``read`` is called once a scrape."""
        self.registry.register(ReplicationGauges(read))

    def text(self) -> bytes:
        """The exposition in Prometheus text format. Reads the store: call it off the loop."""
        return generate_latest(self.registry)

    def latencies(self) -> dict[str, dict[str, float]]:
        """Milliseconds for each path over its last RECENT requests, and how many these are."""
        return {path: quantiles(seconds) for path, seconds in sorted(self.recent.items())}


class StoreGauges:
    """The store's counts as one consistent set."""

    def __init__(self, stats: Callable[[], StoreStats]) -> None:
        self.stats = stats

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Called by the registry at each scrape."""
        stats: Any = self.stats()
        for name, help_text in STORE_GAUGES.items():
            value = float(getattr(stats, name))
            yield GaugeMetricFamily(f"engram_store_{name}", help_text, value=value)


class ReplicationGauges:
    """What passes between this node and the other members; see ``replication.summary``."""

    def __init__(self, read: Callable[[], dict[str, Any]]) -> None:
        self.read = read

    def collect(self) -> Iterable[GaugeMetricFamily | CounterMetricFamily]:
        """Called by the registry at each scrape."""
        found = self.read()
        yield self._outbox(found["peers"])
        for name, (help_text, value) in {
            "outbox_behind_seconds": ("For how long somebody has waited.", found["behind_s"]),
            "members_answering": ("Other members that answer.", found["answering"]),
            "members_absent": ("Members that others stand in for.", len(found["absent"])),
            "foreign_records": ("Copies that are not this node's.", found["foreign"]["held"]),
        }.items():
            yield GaugeMetricFamily(f"engram_{name}", help_text, value=float(value))
        for group in ("deliveries", "comparisons"):
            yield self._counts(group, found[group])

    def _outbox(self, peers: Sequence[dict[str, Any]]) -> GaugeMetricFamily:
        waiting = GaugeMetricFamily(
            "engram_outbox_records", "Records that wait for a member.", labels=["uid"]
        )
        for peer in peers:
            waiting.add_metric([str(peer["uid"])], peer["waiting"])
        return waiting

    def _counts(self, group: str, counts: dict[str, int]) -> CounterMetricFamily:
        made = CounterMetricFamily(
            f"engram_replication_{group}", "Since the start, by what came of it.", labels=["what"]
        )
        for name, count in counts.items():
            made.add_metric([name], count)
        return made


def quantiles(seconds: deque[float]) -> dict[str, float]:
    """p50, p95 and p99 in milliseconds."""
    p50, p95, p99 = np.percentile(np.array(seconds) * 1000, [50, 95, 99]).round(3).tolist()
    return {"p50": p50, "p95": p95, "p99": p99, "count": len(seconds)}

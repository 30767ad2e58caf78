"""Counters for the validator's operator, as Prometheus text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from engram.validator.schedule import Cadence
from engram.validator.state.evidence import Kind

STATES = ("HEALTHY", "DEGRADED", "LOST")


class CoverageCollector(Collector):
    """Records by state and copies by member, worked out once for each look at the metrics."""

    def __init__(self, read: Callable[[], dict[str, Any]]) -> None:
        """``read`` gives what GET /replication answers."""
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """See Collector."""
        found = self._read()
        yield family("records", "Known records.", "status", of_states(found))
        yield family("users_records", "Of them users'.", "status", of_states(found["users"]))
        for name, text in (("to_hold", "to hold"), ("confirmed", "confirmed to hold")):
            shares = [(str(one["uid"]), one[name]) for one in found["members"]]
            yield family(f"copies_{name}", f"Users' records that a miner is {text}.", "uid", shares)

    def describe(self) -> Iterable[Metric]:
        """Nothing: it must not be read while it is registered."""
        return []


def of_states(counts: dict[str, Any]) -> list[tuple[str, int]]:
    return [(name, counts[name]) for name in STATES]


def family(name: str, text: str, label: str, values: Iterable[tuple[str, int]]) -> Metric:
    """One metric with a value for each label."""
    made = GaugeMetricFamily(f"engram_validator_{name}", text, labels=[label])
    for value, count in values:
        made.add_metric([value], count)
    return made


class Metrics:
    """One validator's counters, on a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._weights = Counter(
            "engram_validator_weights", "Attempts at weights.", ["outcome"], registry=self.registry
        )
        self._discarded = Counter(
            "engram_validator_discarded_rounds",
            "Rounds discarded as the validator's own fault.",
            ["kind"],
            registry=self.registry,
        )
        ProcessCollector(namespace="engram_validator", registry=self.registry)

    def count_weights(self, outcome: str) -> None:
        """An attempt at weights ended so."""
        self._weights.labels(outcome).inc()

    def count_discarded(self, kind: Kind) -> None:
        """A round was discarded."""
        self._discarded.labels(kind.value).inc()

    def gauge(self, name: str, help_text: str, read: Callable[[], float]) -> None:
        """A value that is read whenever somebody looks."""
        Gauge(f"engram_validator_{name}", help_text, registry=self.registry).set_function(read)

    def watch(self, cadence: Cadence) -> None:
        """Show how a cadence does from now on."""
        name = cadence.name
        self.gauge(f"{name}_runs", f"Turns of {name}.", lambda: cadence.runs)
        self.gauge(f"{name}_skipped", f"Turns of {name} left out.", lambda: cadence.skipped)
        self.gauge(f"{name}_failed", f"Turns of {name} that failed.", lambda: cadence.failed)
        self.gauge(
            f"{name}_seconds",
            f"Length of the last turn of {name}.",
            lambda: cadence.last_seconds or 0.0,
        )

    def text(self) -> bytes:
        """The exposition in Prometheus text format."""
        return generate_latest(self.registry)

"""How a network stands, as a table for a person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from engram.cli.network.standing import NetworkStanding, NeuronStanding
from engram.cli.output import harmless

UNKNOWN = "-"


def share(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.3f}"


def milliseconds(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.1f} ms"


def count(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value:,}"


COLUMNS: Sequence[tuple[str, Callable[[NeuronStanding], str]]] = (
    ("uid", lambda one: str(one.uid)),
    ("role", lambda one: one.role),
    ("address", lambda one: (one.url or UNKNOWN).removeprefix("http://")),
    ("records", lambda one: count(one.records)),
    ("recall", lambda one: share(one.recall)),
    ("latency", lambda one: milliseconds(one.latency_ms)),
    ("proofs", lambda one: share(one.proof_rate)),
    ("composite", lambda one: share(one.composite)),
    ("weight", lambda one: share(one.weight)),
    ("incentive", lambda one: share(one.incentive)),
    ("healthy", lambda one: "yes" if one.healthy else "NO"),
)
LEFT = {"role", "address"}


def plain(title: str) -> Table:
    """A table without lines, which narrow windows and log files show well."""
    return Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))


def add_row(made: Table, *cells: str) -> None:
    """A row of texts as they are: what other nodes say is neither markup nor terminal commands."""
    made.add_row(*(Text(harmless(cell)) for cell in cells))


def table(standing: NetworkStanding) -> Table:
    """One row a neuron."""
    made = plain(f"dev chain, block {standing.block}")
    for name, _ in COLUMNS:
        made.add_column(name, justify="left" if name in LEFT else "right", no_wrap=True)
    for neuron in standing.neurons:
        add_row(made, *(cell(neuron) for _, cell in COLUMNS))
    return made


def sharing(standing: NetworkStanding) -> list[str]:
    """A line for each miner that answers: what waits for the others, and who of them answers."""
    return [
        f"{harmless(one.url or one.hotkey)}: outbox {count(one.outbox)}, "
        f"{one.answering} of {one.others} peers answer"
        for one in standing.neurons
        if one.outbox is not None
    ]


def replication(counts: dict[str, Any]) -> str:
    """The validator's counts in a sentence."""
    if not counts:
        return "replication: no validator answers"
    states = ", ".join(f"{counts[name]:,} {name}" for name in ("HEALTHY", "DEGRADED", "LOST"))
    return f"replication: of {counts['records']:,} records known to the validator {states}"

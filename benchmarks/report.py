"""The results as a person reads them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

IDLE_LOAD = 0.5  # processes that run or wait; above it the ratios scatter and lean to the worse
NOT_BENCHMARKS = {"date", "machine", "scale"}


def lines(measured: Mapping[str, Any]) -> str:
    """One benchmark on a terminal."""
    shown = [_gate_line(gate) for gate in measured.get("gates", [])]
    return "\n".join([*shown, *(f"  {line}" for line in _told(measured))])


def _gate_line(gate: Mapping[str, Any]) -> str:
    verdict = "met   " if gate["met"] else "MISSED"
    sides = ""
    if gate["floor"]:
        sides = f" [{_middle(gate['ours'], gate['unit'])} over {_middle(gate['floor'], '')}]"
    return f"  {verdict} {_spread(gate)}; {gate['sense']} {gate['target']:g}: {gate['name']}{sides}"


def _spread(gate: Mapping[str, Any]) -> str:
    shown = f"{gate['median']:.3g}"
    if gate["high"] > gate["low"]:
        shown += f" ({gate['low']:.3g} to {gate['high']:.3g})"
    return shown


def page(document: Mapping[str, Any], data_file: str) -> str:
    """The whole run in Markdown."""
    names = [name for name in document if name not in NOT_BENCHMARKS]
    return "\n".join(
        [
            "# Results",
            "",
            f"Measured on {document['date']} by `make bench`; every number is in "
            f"[{data_file}]({data_file}). A ratio is the median of alternating runs (ours, then "
            "the floor), with the lowest and the highest in brackets; p99 is told, not judged. The "
            "texts are sentences from the documentation of Python and of the installed packages "
            "(benchmarks/texts.py), the vectors are theirs, made by our own embedder.",
            "",
            *_machine(document),
            "## What must hold",
            "",
            *_gates(document, names),
            "",
            *[line for name in names for line in _section(name, document[name])],
        ]
    )


def _machine(document: Mapping[str, Any]) -> list[str]:
    machine = dict(document["machine"])
    libraries = machine.pop("libraries")
    unset = machine.pop("unset_for_the_run")
    rows = [f"- {name.replace('_', ' ')}: {value}" for name, value in machine.items()]
    rows += [
        "- " + ", ".join(f"{name} {version}" for name, version in libraries.items() if version)
    ]
    if unset:
        rows += [f"- {' and '.join(unset)} were unset for the run: they slow numpy here"]
    if machine["load_before"] > IDLE_LOAD:
        rows += ["- **the machine was not idle**: other work ran beside these measurements"]
    sizes = ", ".join(f"{name} {value:,}" for name, value in document["scale"].items())
    return ["## Machine", "", *rows, f"- sizes: {sizes}", ""]


def _gates(document: Mapping[str, Any], names: list[str]) -> list[str]:
    table = ["| what | ours | floor | ratio | target | |", "|---|---|---|---|---|---|"]
    for name in names:
        table += [_gate_row(gate) for gate in document[name].get("gates", [])]
    return table


def _gate_row(gate: Mapping[str, Any]) -> str:
    cells = [
        gate["name"],
        _middle(gate["ours"], gate["unit"]),
        _middle(gate["floor"], gate["unit"]),
        _spread(gate),
        f"{gate['sense']} {gate['target']:g}",
        "met" if gate["met"] else "**missed**",
    ]
    return f"| {' | '.join(cells)} |"


def _middle(values: list[float], unit: str) -> str:
    return f"{_plain(statistics.median(values))} {unit}".rstrip() if values else ""


def _section(name: str, measured: Mapping[str, Any]) -> list[str]:
    return [f"## {name.replace('_', ' ')}", "", *_told(measured), ""]


def _told(measured: Mapping[str, Any]) -> list[str]:
    """What is reported and not gated: numbers first, then tables."""
    told = measured.get("reported", {})
    tables = {key: value for key, value in told.items() if isinstance(value, list)}
    rows = [f"- {key}: {_plain(value)}" for key, value in told.items() if key not in tables]
    for key, table in tables.items():
        rows += ["", f"{key}:", "", *_table(table)]
    return rows


def _table(rows: list[Mapping[str, Any]]) -> list[str]:
    heads = list(rows[0])
    body = [f"| {' | '.join(_plain(row[head]) for head in heads)} |" for row in rows]
    return [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads), *body]


def _plain(value: Any) -> str:
    match value:
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"
        case _:
            return str(value)

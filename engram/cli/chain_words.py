"""What ``engram chain`` prints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from engram.chain.dev import DevOperator
from engram.chain.dev.events import Event
from engram.chain.interface import Block, Chain, Hyperparameters, Neuron, Snapshot
from engram.cli.output import say

LABEL: dict[str, Any] = {"chain": "dev chain", "public": False}
_SHOWN = 6  # characters at each end of an address
_COLUMNS = "{:>4}  {:<13}  {:>12}  {:>9}  {:>9}  {:>12}  {:<6}  {:>9}  {}"
_HEAD = _COLUMNS.format(
    "UID", "hotkey", "stake", "incentive", "dividends", "emission", "permit", "updated", "axon"
)


def block_body(block: Block) -> dict[str, Any]:
    return {"block": block.number, "hash": block.hash.hex()}


def status_body(
    chain: Chain, location: str, snapshot: Snapshot, rules: Hyperparameters
) -> dict[str, Any]:
    """``engram chain status --json``, for any chain."""
    return {
        "chain": chain.name,
        "public": chain.is_public,
        "location": location,
        **block_body(snapshot.block),
        "netuid": snapshot.netuid,
        "hyperparameters": asdict(rules),
        "neurons": [_neuron_body(neuron) for neuron in snapshot.neurons],
    }


def dev_body(operator: DevOperator, netuid: int) -> dict[str, Any]:
    """What only a dev chain tells."""
    return LABEL | {
        "genesis": operator.genesis().hex(),
        "block_time_s": operator.block_time_s(),
        "next_epoch": operator.next_epoch(netuid),
        "faults": {fault.value: seconds for fault, seconds in operator.faults().items()},
        "totals": operator.totals(),
        "weights": operator.weights(netuid),
    }


def tell_dev(location: str, operator: DevOperator, netuid: int) -> None:
    """What a dev chain is and how it stands."""
    body = dev_body(operator, netuid)
    pace = body["block_time_s"]
    every = f"a block every {pace:g} s" if pace else "blocks by hand (engram chain advance)"
    say(f"dev chain {location}: this machine's own, worth nothing elsewhere", style="bold")
    say(f"  genesis   {body['genesis']}")
    say(f"  pace      {every}; the next epoch of subnet {netuid} is in block {body['next_epoch']}")
    say("  coins     " + ", ".join(f"{n:,.9g} {name}" for name, n in body["totals"].items()))
    if body["faults"]:
        say(f"  fault     {', '.join(body['faults'])}: engram chain fault none", style="red")


def tell_neurons(name: str, snapshot: Snapshot) -> None:
    """One line for each UID."""
    count = len(snapshot.neurons)
    say(f"{name}, block {snapshot.block.number}: {count} in subnet {snapshot.netuid}", style="bold")
    if snapshot.neurons:
        say(_HEAD, style="dim")
    for neuron in snapshot.neurons:
        say(_line(neuron))


def tell_events(events: Iterable[Event]) -> None:
    """One line for each."""
    say("dev chain: what happened", style="bold")
    for event in events:
        who = _short(event.hotkey) if event.hotkey else ""
        detail = "  ".join(f"{name} {value}" for name, value in event.detail.items())
        say(f"{event.block:>8}  {event.kind:<13}{who:<15}{detail}")


def _line(neuron: Neuron) -> str:
    return _COLUMNS.format(
        neuron.uid,
        _short(neuron.hotkey),
        f"{neuron.stake:,.3f}",
        f"{neuron.incentive:.4f}",
        f"{neuron.dividends:.4f}",
        f"{neuron.emission:,.4f}",
        "yes" if neuron.validator_permit else "",
        neuron.last_update,
        neuron.axon.url if neuron.axon else "",
    ).rstrip()


def _neuron_body(neuron: Neuron) -> dict[str, Any]:
    body = {name: value for name, value in asdict(neuron).items() if not isinstance(value, bytes)}
    return body | {
        "public_key": neuron.public_key.hex(),
        "registered_hash": neuron.registered_hash.hex() if neuron.registered_hash else None,
        "url": neuron.axon.url if neuron.axon else None,
    }


def _short(address: str) -> str:
    return f"{address[:_SHOWN]}…{address[-_SHOWN:]}"

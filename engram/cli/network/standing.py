"""How a local network stands: the ledger, what its nodes say, and what validators say of them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from engram.chain.dev import DEFAULT_NETUID, DevChain, DevOperator
from engram.chain.interface import Neuron, Snapshot
from engram.cli.network import report
from engram.cli.network.asking import ask_all
from engram.cli.network.layout import PROBES, Layout, Role
from engram.cli.network.report import NodeReport
from engram.errors import InvalidInput

Json = dict[str, Any]
JUDGED = ("recall", "latency_ms", "proof_rate", "composite")


@dataclass(frozen=True, slots=True)
class NeuronStanding:
    """One neuron; None is what nobody knows, or what its role does not have."""

    uid: int
    role: Role
    hotkey: str
    url: str | None
    records: int | None
    recall: float | None
    """0..1, the mean over the validators that judge it; so are the next three."""
    latency_ms: float | None
    proof_rate: float | None
    composite: float | None
    weight: float | None
    """Its share of the weights on the chain, 0..1, each validator counted by its stake."""
    incentive: float
    """Share of what miners earn, 0..1."""
    healthy: bool
    """True if it answers and has loaded everything."""
    outbox: int | None = None
    """Records that wait for other miners."""
    answering: int | None = None
    """Other miners that answer it."""
    others: int | None = None
    """Other miners that it knows to be members."""


@dataclass(frozen=True, slots=True)
class NetworkStanding:
    """All of it."""

    block: int
    neurons: list[NeuronStanding]
    """By ascending UID."""
    replication: Json
    """The first answering validator's counts; empty if none answers."""

    def as_dict(self) -> Json:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Heard:
    """What the nodes said, by hotkey."""

    stats: dict[str, Json]
    probes: dict[str, Json]
    scores: list[Json]
    """One for each validator that answers."""
    replication: Json


def standing(layout: Layout) -> NetworkStanding:
    """How the network in the folder stands now. Raises InvalidInput if there is none."""
    nodes = report.read(layout.report)
    if not nodes:
        raise InvalidInput(f"There is no network in {layout.root}; start one with `engram up`.")
    heard = listen(nodes)
    with closing(DevChain(layout.ledger)) as chain:
        snapshot = chain.snapshot(DEFAULT_NETUID)
    with closing(DevOperator(layout.ledger)) as operator:
        weights = shares(operator.weights(DEFAULT_NETUID), snapshot)
    known = {node.hotkey: node for node in nodes}
    neurons = [
        told(neuron, known.get(neuron.hotkey), heard, weights) for neuron in snapshot.neurons
    ]
    return NetworkStanding(snapshot.block.number, neurons, heard.replication)


def listen(nodes: list[NodeReport]) -> Heard:
    """Ask every node all there is to ask, at once."""
    miners = [node for node in nodes if node.role == "miner"]
    validators = [node for node in nodes if node.role == "validator"]
    urls = [
        *(node.url + "/stats" for node in miners),
        *(node.url + PROBES[node.role] for node in nodes),
        *(node.url + "/scores" for node in validators),
        *(node.url + "/replication" for node in validators),
    ]
    said = iter(ask_all(urls))
    return Heard(
        stats=answers(miners, said),
        probes=answers(nodes, said),
        scores=list(answers(validators, said).values()),
        replication=next(iter(answers(validators, said).values()), {}),
    )


def answers(nodes: list[NodeReport], said: Iterable[Json | None]) -> dict[str, Json]:
    """By hotkey what each of the nodes said, taken from ``said``; silent ones are left out."""
    return {node.hotkey: one for node, one in zip(nodes, said, strict=False) if one is not None}


def told(
    neuron: Neuron, node: NodeReport | None, heard: Heard, weights: dict[str, float]
) -> NeuronStanding:
    """What is known of one neuron."""
    role: Role = node.role if node else ("miner" if neuron.axon else "validator")
    stats = heard.stats.get(neuron.hotkey, {})
    shared = stats.get("replication", {})
    return NeuronStanding(
        uid=neuron.uid,
        role=role,
        hotkey=neuron.hotkey,
        url=node.url if node else neuron.axon.url if neuron.axon else None,
        records=stats.get("vectors"),
        **judged(neuron.hotkey, heard.scores),
        weight=weights.get(neuron.hotkey, 0.0) if role == "miner" and weights else None,
        incentive=neuron.incentive,
        healthy=neuron.hotkey in heard.probes,
        outbox=shared.get("outbox"),
        answering=shared.get("answering"),
        others=len(shared["peers"]) if shared else None,
    )


def judged(hotkey: str, said: list[Json]) -> dict[str, float | None]:
    """The mean of what validators measured; those that are still getting to know it say nothing."""
    entries = [each for one in said for each in one["scores"] if each["hotkey"] == hotkey]
    return {name: mean_of(each[name] for each in entries) for name in JUDGED}


def mean_of(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def shares(weights: dict[str, dict[str, int]], snapshot: Snapshot) -> dict[str, float]:
    """By miner the mean of what validators gave it, weighted by stake; empty without any."""
    stakes = {neuron.hotkey: neuron.stake for neuron in snapshot.neurons}
    total: dict[str, float] = {}
    for validator, given in weights.items():
        whole = sum(given.values())
        for miner, weight in given.items():
            share = stakes.get(validator, 0.0) * weight / whole if whole else 0.0
            total[miner] = total.get(miner, 0.0) + share
    stake = sum(stakes.get(validator, 0.0) for validator in weights)
    return {miner: share / stake for miner, share in total.items()} if stake else {}

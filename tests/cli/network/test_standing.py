"""How a network stands, put together from the ledger and what its nodes say."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from engram.chain.dev import DEFAULT_NETUID, DevChain, DevOperator
from engram.chain.wallet import load_signer
from engram.cli.network import mine, registry, report, standing, waiting
from engram.cli.network.layout import Layout, Role
from engram.cli.network.plan import roles
from engram.cli.network.report import NodeReport
from engram.cli.network.standing import NetworkStanding, judged, shares
from engram.cli.network.table import replication, sharing, table
from engram.errors import InvalidInput, NotFound, NotReady
from tests.dht.networks import neuron, snapshot

COUNTS = {"records": 20, "HEALTHY": 18, "DEGRADED": 1, "LOST": 1}


def score(hotkey: str, **known: float | None) -> dict[str, Any]:
    unknown = {"recall": None, "latency_ms": None, "proof_rate": None, "composite": None}
    return {"hotkey": hotkey, "status": "scored"} | unknown | known


class Network:
    """A ledger with nodes on it that say what the test wants."""

    def __init__(self, folder: Path, miners: int, validators: int) -> None:
        self.layout = Layout(folder)
        self.kinds: dict[str, Role] = roles(miners, validators)
        self.hotkeys = registry.prepare(self.layout, self.kinds)
        self.said: dict[str, dict[str, Any]] = {}
        nodes = [
            NodeReport(name, kind, self.hotkeys[name], f"http://{name}", 1, 1, None)
            for name, kind in self.kinds.items()
        ]
        report.write(self.layout.report, nodes)
        self.advance(1)

    def advance(self, blocks: int) -> None:
        with closing(DevOperator(self.layout.ledger)) as operator:
            operator.advance(blocks)

    def answer(self, urls: Sequence[str]) -> list[dict[str, Any] | None]:
        return [self.said.get(url) for url in urls]

    def vote(self, validator: str, **weights: float) -> None:
        """Weights by the miner's name, with _ for -."""
        signer = load_signer(self.layout.wallet(validator), self.layout.wallets)
        by_hotkey = {self.hotkeys[n.replace("_", "-")]: w for n, w in weights.items()}
        with closing(DevChain(self.layout.ledger, signer)) as chain:
            assert chain.set_weights(by_hotkey, 0, netuid=DEFAULT_NETUID).ok
        self.advance(1)

    def say_all(self) -> None:
        """Every node answers everything."""
        scores = []
        for name, kind in self.kinds.items():
            if kind == "miner":
                shared = {"outbox": 4, "answering": 0, "peers": [{"uid": 9}]}
                self.said[f"http://{name}/stats"] = {"vectors": 333, "replication": shared}
                self.said[f"http://{name}/ready"] = {"status": "ready"}
                known = {"recall": 0.9, "latency_ms": 5.0, "proof_rate": 1.0, "composite": 0.95}
                scores.append(score(self.hotkeys[name], **known))
        for name, kind in self.kinds.items():
            if kind == "validator":
                self.said[f"http://{name}/health"] = {"status": "ok"}
                self.said[f"http://{name}/scores"] = {"validator": name, "scores": scores}
                self.said[f"http://{name}/replication"] = COUNTS


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Network:
    monkeypatch.setattr(registry, "BLOCK_TIME_S", 0)
    network = Network(tmp_path, miners=2, validators=1)
    monkeypatch.setattr(standing, "ask_all", network.answer)
    return network


def test_every_field_that_was_asked_for(network: Network) -> None:
    network.say_all()
    network.advance(registry.RULES.tempo + 1)
    network.vote("validator", miner=3.0, miner_2=1.0)
    found = standing.standing(network.layout).as_dict()
    assert set(found) == {"block", "neurons", "replication"}
    first, second, validator = found["neurons"]
    assert first == {
        "uid": 0,
        "role": "miner",
        "hotkey": network.hotkeys["miner"],
        "url": "http://miner",
        "records": 333,
        "recall": 0.9,
        "latency_ms": 5.0,
        "proof_rate": 1.0,
        "composite": 0.95,
        "weight": pytest.approx(0.75, abs=1e-4),
        "incentive": 0.0,
        "healthy": True,
        "outbox": 4,
        "answering": 0,
        "others": 1,
    }
    assert second["weight"] == pytest.approx(0.25, abs=1e-4)
    assert (validator["role"], validator["weight"], validator["healthy"]) == (
        "validator",
        None,
        True,
    )
    assert found["replication"] == COUNTS


def test_silent_nodes_are_not_healthy_and_nothing_is_made_up(network: Network) -> None:
    found = standing.standing(network.layout)
    assert found.replication == {}
    for one in found.neurons:
        assert not one.healthy
        assert (one.records, one.recall, one.composite, one.weight) == (None, None, None, None)
    assert sharing(found) == []


def test_it_is_a_table_with_a_row_for_each(network: Network) -> None:
    network.say_all()
    found = standing.standing(network.layout)
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(table(found))
    console.file.close()
    lines = [line.split() for line in console.export_text().splitlines() if line.strip()]
    assert lines[0] == ["dev", "chain,", "block", str(found.block)]
    assert lines[1][:3] == ["uid", "role", "address"]
    assert [line[1] for line in lines[2:]] == ["miner", "miner", "validator"]
    assert lines[2][2:6] == ["miner", "333", "0.900", "5.0"]
    assert all(len(line) <= 100 for line in console.export_text().splitlines())
    assert sharing(found) == [
        "http://miner: outbox 4, 0 of 1 peers answer",
        "http://miner-2: outbox 4, 0 of 1 peers answer",
    ]
    assert "18 HEALTHY, 1 DEGRADED, 1 LOST" in replication(COUNTS)
    assert "no validator" in replication({})


def test_a_folder_without_a_network_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="engram up"):
        standing.standing(Layout(tmp_path))


@given(st.lists(st.none() | st.floats(0, 1), max_size=5))
def test_validators_that_do_not_judge_yet_do_not_count(composites: list[float | None]) -> None:
    said = [
        {"scores": [score("5a", composite=one), score("5b", composite=0.0)]} for one in composites
    ]
    known = [one for one in composites if one is not None]
    expected = sum(known) / len(known) if known else None
    assert judged("5a", said)["composite"] == pytest.approx(expected)


def test_validators_count_by_their_stake() -> None:
    listed = snapshot(5, neuron(0), neuron(1, hotkey="5v"), neuron(2, hotkey="5w"))
    assert shares({"5v": {"hotkey-0": 65535}}, listed) == {}  # no stake at all
    with_stake = [
        *(n for n in listed.neurons if n.uid == 0),
        *(
            type(n)(**{f: getattr(n, f) for f in n.__slots__} | {"stake": 1.0 + 2 * (n.uid == 2)})
            for n in listed.neurons
            if n.uid
        ),
    ]
    weights = {"5v": {"hotkey-0": 65535}, "5w": {"hotkey-0": 100, "hotkey-9": 300}}
    found = shares(weights, snapshot(5, *with_stake))
    assert found == {
        "hotkey-0": pytest.approx((1 * 1 + 3 * 0.25) / 4),
        "hotkey-9": pytest.approx(3 * 0.75 / 4),
    }


def test_what_validators_say_of_one_miner(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = {
        "http://one/scores": {"validator": "5v", "scores": [score("5a", composite=0.9)]},
        "http://two/scores": {"validator": "5w", "scores": [score("5b")]},
        "http://nonsense/scores": {"validator": "5x", "scores": [{"hotkey": "5a", "recall": "?"}]},
    }
    monkeypatch.setattr(mine, "ask_all", lambda urls: [bodies.get(url) for url in urls])
    said = mine.said_of("5a", ["http://one/", "http://two", "http://nonsense", "http://silent"])
    [only] = said["validators"]
    assert (said["hotkey"], only["validator"], only["composite"]) == ("5a", "5v", 0.9)
    assert mine.table(said).row_count == 1
    with pytest.raises(NotFound):
        mine.said_of("5z", ["http://one"])
    with pytest.raises(InvalidInput, match="ENGRAM_VALIDATORS"):
        mine.said_of("5a", [])
    with pytest.raises(InvalidInput, match="without a chain"):
        mine.said_of(None, ["http://one"])


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_waiting_tells_how_far_it_is_and_ends_with_pay(network: Network) -> None:
    network.advance(registry.RULES.tempo + 1)
    clock = Time()
    told: list[NetworkStanding] = []

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.now == 12:
            network.vote("validator", miner=1.0, miner_2=1.0)
            network.advance(registry.RULES.tempo + 1)

    found = waiting.wait_paid(network.layout, told.append, monotonic=clock.monotonic, sleep=sleep)
    assert clock.now == 12
    assert len(told) == 2
    assert [one.incentive for one in found.neurons if one.role == "miner"] == [
        pytest.approx(0.5, abs=1e-4)
    ] * 2


def test_waiting_does_not_last_for_ever(network: Network) -> None:
    clock = Time()
    with pytest.raises(NotReady, match=r"validator\.log"):
        waiting.wait_paid(
            network.layout, lambda _: None, monotonic=clock.monotonic, sleep=clock.sleep
        )

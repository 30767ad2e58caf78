"""The local network's ledger and keys: made once, completed at every start."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from engram.chain.dev import DEFAULT_NETUID, DevChain, DevOperator
from engram.chain.interface import Neuron
from engram.chain.wallet import create_wallet
from engram.cli.network import registry
from engram.cli.network.layout import WALLET, Layout, names
from engram.cli.network.plan import roles


@pytest.fixture(autouse=True)
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks are made by the test."""
    monkeypatch.setattr(registry, "BLOCK_TIME_S", 0)


def advance(layout: Layout) -> None:
    with closing(DevOperator(layout.ledger)) as operator:
        operator.advance(1)


def neurons(layout: Layout) -> dict[str, Neuron]:
    advance(layout)
    with closing(DevChain(layout.ledger)) as chain:
        return {neuron.hotkey: neuron for neuron in chain.snapshot(DEFAULT_NETUID).neurons}


def test_everybody_is_registered_and_validators_have_stake(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    hotkeys = registry.prepare(layout, roles(2, 1))
    found = neurons(layout)
    assert list(hotkeys) == ["miner", "miner-2", "validator"]
    assert set(found) == set(hotkeys.values())
    stakes = {name: found[hotkey].stake for name, hotkey in hotkeys.items()}
    assert stakes == {"miner": 0, "miner-2": 0, "validator": registry.STAKE}


def test_again_changes_nothing(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    first = registry.prepare(layout, roles(2, 1))
    before = neurons(layout)
    assert registry.prepare(layout, roles(2, 1)) == first
    assert neurons(layout) == before


def test_a_larger_network_keeps_what_there_is(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    first = registry.prepare(layout, roles(1, 1))
    advance(layout)
    more = registry.prepare(layout, roles(3, 2))
    assert first.items() <= more.items()
    assert len(neurons(layout)) == 5


def test_interrupted_between_keys_and_registration_it_goes_on(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    create_wallet(WALLET, "miner", layout.wallets, password=None)
    hotkeys = registry.prepare(layout, roles(1, 0))
    assert set(neurons(layout)) == set(hotkeys.values())


def test_the_first_node_is_where_the_operator_s_commands_look() -> None:
    assert list(names("miner", 3)) == ["miner", "miner-2", "miner-3"]
    assert Layout(Path(".engram")).data("miner") == Path(".engram/miner")

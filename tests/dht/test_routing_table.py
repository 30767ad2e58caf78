"""A node moves from placement block to placement block, and remembers where it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.chain.interface import Neuron
from engram.dht import RoutingTable
from tests.dht.networks import neuron, snapshot

CID = "v1::" + "ab" * 32


def moved(table: RoutingTable, number: int, *neurons: Neuron, mark: int = 0) -> bool:
    return table.bootstrap(
        snapshot(number, *neurons, mark=mark), snapshot(number - 100, *neurons, mark=mark)
    )


@pytest.fixture
def table(tmp_path: Path) -> RoutingTable:
    return RoutingTable(100, "hotkey-1", tmp_path)


@given(st.integers(0, 10**9), st.integers(1, 1000))
def test_the_placement_block_is_the_last_that_divides(finalized: int, every: int) -> None:
    found = RoutingTable(every).placement_block(finalized)
    assert found % every == 0
    assert found <= finalized < found + every


def test_alone_before_the_first_membership(table: RoutingTable) -> None:
    assert table.current is None
    assert table.assigned(CID) == ()
    assert table.local is None
    assert table.behind(0)


def test_it_moves_when_the_placement_block_does(table: RoutingTable) -> None:
    assert moved(table, 200, neuron(1), neuron(2))
    assert not table.behind(299)
    assert table.behind(300)
    assert moved(table, 300, neuron(1))
    assert table.current is not None and table.current.number == 300
    assert table.previous is not None and table.previous.number == 200
    assert table.at(200) is table.previous
    assert table.at(100) is None


def test_the_local_node_counts_only_if_listed(table: RoutingTable) -> None:
    moved(table, 200, neuron(2))
    assert table.local is None
    moved(table, 300, neuron(1), neuron(2))
    assert table.local is not None and table.local.uid == 1


def test_it_stays_while_a_block_hash_is_unknown(table: RoutingTable) -> None:
    moved(table, 200, neuron(1))
    assert not moved(table, 300, neuron(1), neuron(2, registered_at=150, known=False))
    assert table.current is not None and table.current.number == 200
    table.learn(snapshot(310, neuron(2, registered_at=150)))
    assert moved(table, 300, neuron(1), neuron(2, registered_at=150, known=False))
    assert table.current.number == 300


def test_after_a_gap_there_is_no_previous_one(table: RoutingTable) -> None:
    moved(table, 200, neuron(1))
    moved(table, 500, neuron(1))
    assert table.previous is None


def test_another_chain_with_the_same_numbers_is_noticed(table: RoutingTable) -> None:
    moved(table, 200, neuron(1))
    assert moved(table, 200, neuron(4), mark=1)
    assert table.current is not None
    assert [member.uid for member in table.current.members] == [4]
    assert table.previous is None


def test_it_is_remembered(table: RoutingTable, tmp_path: Path) -> None:
    moved(table, 200, neuron(1), neuron(2))
    moved(table, 300, neuron(1))
    again = RoutingTable(100, "hotkey-1", tmp_path)
    assert (again.current, again.previous) == (table.current, table.previous)
    assert again.local == table.local


def test_a_block_hash_is_kept_for_ever(table: RoutingTable, tmp_path: Path) -> None:
    moved(table, 200, neuron(1))
    again = RoutingTable(100, None, tmp_path)
    assert moved(again, 300, neuron(1, known=False))

"""A node that dies and comes back: the same object goes on."""

from __future__ import annotations

import pytest

from engram.chain.interface import Axon
from engram.errors import ChainUnavailable
from tests.chain.subtensor.conftest import Wire, weights

HERE = Axon("203.0.113.7", 8091)


def test_reads_go_on_after_it_is_back(wire: Wire) -> None:
    chain = wire.validator()
    for _ in range(3):
        wire.node.kill()
        with pytest.raises(ChainUnavailable):
            chain.snapshot(1)
        with pytest.raises(ChainUnavailable):
            chain.block()
        wire.node.start()
        assert chain.snapshot(1).neurons


def test_a_restart_between_two_calls_is_not_even_noticed(wire: Wire) -> None:
    chain = wire.validator()
    before = chain.snapshot(1)
    wire.node.kill()
    wire.node.start()
    assert chain.snapshot(1) == before


def test_writes_go_on_after_it_is_back(wire: Wire) -> None:
    chain = wire.validator()
    wire.node.kill()
    with pytest.raises(ChainUnavailable):
        chain.set_weights(weights(ann=1), 0, netuid=1)
    wire.node.start()
    assert chain.set_weights(weights(ann=1), 0, netuid=1).ok
    assert chain.serve_axon(HERE, netuid=1).ok
    assert [one.nonce for one in wire.node.taken] == [0, 1]


def test_a_node_that_was_never_there_is_told(wire: Wire) -> None:
    wire.node.kill()
    chain = wire.world.open()
    with pytest.raises(ChainUnavailable, match=wire.node.url):
        chain.connect()

"""A pruned node does not know old blocks: what it never told is unknown, what it told is kept."""

from __future__ import annotations

from tests.chain.subtensor.conftest import Wire


def test_a_forgotten_hash_is_unknown(wire: Wire) -> None:
    wire.world.register("cat")
    wire.world.advance()
    wire.node.faults.oldest_hash = wire.world.ledger("cat").block().number
    val, ann, ben, cat = wire.validator().snapshot(1).neurons
    assert [val.registered_hash, ann.registered_hash, ben.registered_hash] == [None] * 3
    assert cat.registered_hash == wire.world.ledger("cat").block().hash


def test_a_hash_that_was_told_is_kept(wire: Wire) -> None:
    chain = wire.validator()
    before = chain.snapshot(1)
    assert all(neuron.registered_hash for neuron in before.neurons)
    wire.world.advance(50)
    wire.node.faults.oldest_hash = 10_000
    assert [one.registered_hash for one in chain.snapshot(1).neurons] == [
        one.registered_hash for one in before.neurons
    ]


def test_a_hash_is_asked_for_once(wire: Wire) -> None:
    chain = wire.validator()
    chain.snapshot(1)
    asked = wire.node.asked["chain_getBlockHash"]
    chain.snapshot(1)
    assert wire.node.asked["chain_getBlockHash"] == asked


def test_a_hash_that_is_known_again_is_taken(wire: Wire) -> None:
    chain = wire.validator()
    wire.node.faults.oldest_hash = 10_000
    assert chain.snapshot(1).neurons[0].registered_hash is None
    wire.node.mend()
    assert chain.snapshot(1).neurons[0].registered_hash is not None

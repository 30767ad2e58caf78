"""The connection goes while a write is under way: the state is read, and nothing is sent twice."""

from __future__ import annotations

import pytest

from engram.chain.interface import Axon
from engram.chain.subtensor.serving import ERA_BLOCKS
from engram.errors import ChainUnavailable
from tests.chain.subtensor.conftest import Wire, weights
from tests.chain.worlds import signer

HERE = Axon("203.0.113.7", 8091)
DEADLINE_S = 2.0


def test_weights_that_got_in_are_found_in_the_state(wire: Wire) -> None:
    chain = wire.validator()
    wire.node.faults.hang_up = "after"
    receipt = chain.set_weights(weights(ann=1), 0, netuid=1)
    assert (receipt.ok, receipt.code) == (True, "ok")
    assert "lost" in receipt.message
    assert len(wire.node.taken) == 1


def test_weights_that_did_not_get_in_are_not_sent_again_while_they_still_could(wire: Wire) -> None:
    chain = wire.validator()
    wire.node.faults.hang_up = "before"
    with pytest.raises(ChainUnavailable, match="not known"):
        chain.set_weights(weights(ann=1), 0, netuid=1)
    receipt = chain.set_weights(weights(ann=1), 0, netuid=1)
    assert (receipt.ok, receipt.code) == (False, "pending")
    assert not wire.node.taken
    assert receipt.retry_after_blocks is not None
    wire.world.advance(receipt.retry_after_blocks)
    assert chain.set_weights(weights(ann=1), 0, netuid=1).ok
    assert len(wire.node.taken) == 1


def test_weights_that_wait_in_the_pool_are_not_sent_again(wire: Wire) -> None:
    chain = wire.validator(deadline_s=DEADLINE_S)
    wire.node.faults.never_include = True
    with pytest.raises(ChainUnavailable, match="within 2 s"):
        chain.set_weights(weights(ann=1), 0, netuid=1)
    for _ in range(ERA_BLOCKS):
        assert chain.set_weights(weights(ann=1), 0, netuid=1).code == "pending"
        wire.world.advance()
    assert len(wire.node.taken) == 1


def test_a_node_that_freezes_before_it_tells_of_the_block(wire: Wire) -> None:
    chain = wire.validator(deadline_s=DEADLINE_S)
    wire.node.faults.freeze_after = True
    with pytest.raises(ChainUnavailable, match="within 2 s"):
        chain.set_weights(weights(ann=1), 0, netuid=1)
    wire.node.mend()
    receipt = chain.set_weights(weights(ann=1), 0, netuid=1)
    assert (receipt.ok, "earlier" in receipt.message) == (True, True)
    assert chain.set_weights(weights(ann=1), 0, netuid=1).code == "rate_limited"
    assert len(wire.node.taken) == 1


def test_other_weights_are_judged_anew_after_a_lost_answer(wire: Wire) -> None:
    chain = wire.validator(deadline_s=DEADLINE_S)
    wire.node.faults.freeze_after = True
    with pytest.raises(ChainUnavailable):
        chain.set_weights(weights(ann=1), 0, netuid=1)
    wire.node.mend()
    assert chain.set_weights(weights(ben=1), 0, netuid=1).code == "rate_limited"


@pytest.mark.parametrize("fault", ["before", "after"])
def test_an_axon_is_looked_for_in_the_state(wire: Wire, fault: str) -> None:
    chain = wire.world.open(signer("ann"))
    wire.node.faults.hang_up = fault
    if fault == "before":
        with pytest.raises(ChainUnavailable, match="not known"):
            chain.serve_axon(HERE, netuid=1)
    assert chain.serve_axon(HERE, netuid=1).ok
    assert len(wire.node.taken) == 1

"""A runtime that has what SetWeights of the SDK reads: then its own intent submits.

The recorded runtime is older and lacks one storage item, so every other test takes the plain call.
Here another item of the same shape bears that name; it says 0, which is the usual consensus.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chain.subtensor.conftest import Wire, weights
from tests.chain.subtensor.runtime import real_runtime
from tests.chain.subtensor.world import node_world
from tests.chain.worlds import QUICK, signer

ADDED = "SubnetEpochConsensus"


@pytest.fixture
def newer(tmp_path: Path) -> Iterator[Wire]:
    runtime = real_runtime().renamed("PendingRootAlphaDivs", ADDED)
    with node_world(tmp_path / "newer", runtime) as (world, node):
        world.validators(val=100)
        world.register("ann", "ben", "cat")
        world.advance(QUICK.weights_rate_limit)
        yield Wire(world, node)


def test_the_intent_sets_the_same_weights_as_the_plain_call(newer: Wire, wire: Wire) -> None:
    for each in (newer, wire):
        assert each.validator().set_weights(weights(ann=3, ben=1), 5, netuid=1).ok
    consensus = newer.node.runtime.codec.storage_prefix("SubtensorModule", ADDED)
    assert consensus in newer.node.looked_up
    assert consensus not in wire.node.looked_up
    (theirs,), (ours,) = newer.node.taken, wire.node.taken
    assert (theirs.function, theirs.arguments) == (ours.function, ours.arguments)


def test_the_intent_commits_where_weights_are_committed(newer: Wire) -> None:
    newer.world.operator.change_rules(1, commit_reveal=True)
    assert newer.validator().set_weights(weights(ann=1), 0, netuid=1).code == "committed"
    (sent,) = newer.node.taken
    assert sent.function == "SubtensorModule.commit_timelocked_mechanism_weights"


def test_the_intent_keeps_shares_within_the_limit(newer: Wire) -> None:
    newer.world.operator.change_rules(1, max_weight_limit=0.4)
    chain = newer.validator()
    assert chain.set_weights(weights(ann=98, ben=1, cat=1), 0, netuid=1).ok
    newer.world.epoch()
    shares = [chain.snapshot(1).by_hotkey(signer(name).hotkey) for name in ("ann", "ben", "cat")]
    assert [one.incentive for one in shares if one] == pytest.approx([0.4, 0.3, 0.3], abs=1e-4)


def test_a_lost_answer_of_the_intent_is_looked_up_too(newer: Wire) -> None:
    newer.node.faults.hang_up = "after"
    receipt = newer.validator().set_weights(weights(ann=1), 0, netuid=1)
    assert (receipt.ok, len(newer.node.taken)) == (True, 1)

"""The chain through Bittensor's SDK, with a node on loopback whose faults the tests choose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("bittensor", reason="needs the extra engram-network[subtensor]")

from engram.chain.interface import Chain
from tests.chain.subtensor.node import Node
from tests.chain.subtensor.world import node_world
from tests.chain.worlds import QUICK, World, signer


@dataclass(frozen=True)
class Wire:
    """A validator ``val`` and two miners on a subnet, and the node between."""

    world: World
    node: Node

    def validator(self, *, deadline_s: float = 30.0) -> Chain:
        """The chain, signing as the validator; connected."""
        chain = self.world.open(signer("val"), deadline_s=deadline_s)
        chain.connect()
        return chain

    def last_update(self) -> int:
        """The validator's, finalized."""
        return self.world.ledger("val").snapshot(self.world.netuid).neurons[0].last_update


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    with node_world(tmp_path) as (world, node):
        world.validators(val=100)
        world.register("ann", "ben")
        world.advance(QUICK.weights_rate_limit)
        yield Wire(world, node)


def weights(**by_name: float) -> dict[str, float]:
    return {signer(name).hotkey: weight for name, weight in by_name.items()}

"""The same link on the dev chain and, over a real websocket, on Bittensor's SDK."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engram.chain.dev import DevChain
from engram.chain.interface import Axon
from tests.chain.worlds import WORLDS, signer
from tests.miner.linked import EVERY, Linked, linked

ANYWHERE = Axon("127.0.0.2", 8091)  # Bittensor's SDK refuses 127.0.0.1


@pytest.fixture(params=WORLDS)
def miner(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Linked]:
    with WORLDS[request.param](tmp_path) as world:
        world.register("miner")
        world.advance(2)
        with linked(tmp_path, world, axon=ANYWHERE, deadline_s=30) as miner:
            yield miner


def test_a_miner_s_life(miner: Linked) -> None:
    world, link = miner.world, miner.link
    miner.turn()
    assert link.view.state == "connected", link.view.warnings
    assert link.view.neuron is not None and link.view.neuron.uid == 0

    world.advance(3 * EVERY)
    miner.turn()
    assert link.table.local is not None
    assert (link.table.local.url, link.table.local.hotkey) == (
        ANYWHERE.url,
        signer("miner").hotkey,
    )
    placed = link.table.current

    world.down()
    miner.turn(5)
    states = {link.view.state}
    assert states == {"chain-less"}
    assert link.table.current == placed

    world.mend()
    world.advance(EVERY)
    for _ in range(5):  # the SDK may take a turn or two to dial anew
        miner.turn()
    assert link.view.state == "connected", link.view.warnings
    assert link.table.current is not None and placed is not None
    assert link.table.current.number == placed.number + EVERY
    assert link.table.previous == placed


def test_the_membership_is_that_of_the_ledger(miner: Linked, tmp_path: Path) -> None:
    """Two nodes that reach one chain in different ways place a CID alike."""
    world = miner.world
    miner.turn()
    world.advance(3 * EVERY)
    miner.turn()
    directly = DevChain(world.path, signer("miner"))
    with linked(tmp_path / "directly", world, axon=ANYWHERE, chain=directly) as other:
        other.turn()
        found = other.link.table.current
    assert found is not None and found.members
    assert miner.link.table.current == found

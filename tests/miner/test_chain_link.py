"""A miner on a chain that works: announced, placed, and kept current."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engram.chain.interface import Axon
from tests.chain.worlds import NETUID, dev_world, signer
from tests.miner.linked import EVERY, OURS, Linked, linked, linked_on_dev_chain


@pytest.fixture
def miner(tmp_path: Path) -> Iterator[Linked]:
    with linked_on_dev_chain(tmp_path) as linked:
        yield linked


def listed(miner: Linked) -> Axon | None:
    miner.world.advance()
    neuron = miner.chain.snapshot(NETUID).by_hotkey(signer("miner").hotkey)
    assert neuron is not None
    return neuron.axon


def test_it_connects_and_says_where_it_stands(miner: Linked) -> None:
    assert miner.link.view.state == "connecting"
    miner.turn()
    view = miner.link.view
    assert (view.state, view.attempts, view.warnings) == ("connected", 0, ())
    assert (view.name, view.is_dev) == ("dev chain", True)
    assert view.block == miner.chain.block().number
    assert view.neuron is not None
    assert (view.neuron.uid, view.neuron.hotkey) == (0, signer("miner").hotkey)


def test_it_is_announced_once_it_is_ready(miner: Linked) -> None:
    ready = [False, True]
    miner.link._ready = lambda: ready.pop(0)
    miner.turn()
    assert listed(miner) is None
    miner.turn()
    assert listed(miner) == OURS


def test_it_is_announced_anew_after_a_move(miner: Linked, tmp_path: Path) -> None:
    miner.turn()
    assert listed(miner) == OURS
    miner.world.advance(5)  # an axon may be announced every few blocks
    moved = Axon("127.0.0.1", 9000)
    with linked(tmp_path, miner.world, axon=moved) as again:
        again.turn()
        assert listed(again) == moved
        assert again.link.view.warnings == ()  # nothing answers at the old address


def test_an_announcement_that_came_too_early_is_repeated_when_it_may_be(
    miner: Linked, tmp_path: Path
) -> None:
    miner.turn()
    assert listed(miner) == OURS
    with linked(tmp_path, miner.world, axon=Axon("127.0.0.1", 9000)) as again:
        again.turn()
        assert "did not take the address" in again.link.view.warnings[0]
        again.world.advance(5)
        again.turn()
        assert again.link.view.warnings == ()


def test_the_block_is_polled_and_the_metagraph_read_every_five_minutes(miner: Linked) -> None:
    miner.turn()
    first = miner.link.view.metagraph
    miner.world.register("other")
    block = miner.world.advance(3)
    miner.turn()
    assert miner.link.view.block == block
    assert miner.link.view.metagraph is first
    miner.resync()
    metagraph = miner.link.view.metagraph
    assert metagraph is not None
    assert [neuron.uid for neuron in metagraph.neurons] == [0, 1]


def test_others_with_an_address_are_peers(miner: Linked, tmp_path: Path) -> None:
    miner.world.register("other", "validator")
    miner.world.advance()
    with linked(tmp_path, miner.world, name="other", axon=Axon("127.0.0.1", 9000)) as other:
        other.turn()
        miner.world.advance()
        miner.turn()
        assert miner.link.view.peers == 1


def test_it_becomes_a_member_at_the_second_placement_block_after_its_announcement(
    miner: Linked,
) -> None:
    members = []
    for _ in range(4 * EVERY):
        miner.turn()
        members.append(miner.link.table.local is not None)
        miner.world.advance()
    announced = 2
    admitted = members.index(True) + announced
    assert EVERY < admitted <= 3 * EVERY
    assert all(members[members.index(True) :])
    current = miner.link.table.current
    assert current is not None
    assert current.number == miner.link.table.placement_block(miner.link.view.block or 0)


def test_a_node_that_was_away_comes_back_to_the_placement_that_rules(miner: Linked) -> None:
    miner.world.advance(3 * EVERY)
    miner.turn()
    miner.world.advance(5 * EVERY)
    miner.turn()
    current, previous = miner.link.table.current, miner.link.table.previous
    assert current is not None and not miner.link.table.behind(miner.link.view.block or 0)
    assert previous is None  # it never saw the one before


def test_snapshots_that_the_chain_forgot_leave_the_placement_where_it_is(tmp_path: Path) -> None:
    with dev_world(tmp_path) as world:
        world.operator.change_rules(NETUID, history_blocks=EVERY)
        world.register("miner")
        world.advance(2 * EVERY + 5)
        with linked(tmp_path, world) as miner:
            miner.turn()
            assert miner.link.table.current is None
            assert miner.link.view.state == "connected"
            assert miner.link.view.neuron is not None

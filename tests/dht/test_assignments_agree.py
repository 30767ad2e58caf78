"""Whatever way a node came to a placement block, it places every record like everybody else."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.chain.interface import Axon, Neuron, Snapshot
from engram.dht import Membership, RoutingTable
from tests.dht.networks import block_hash, neuron, snapshot

EVERY = 100
DIGESTS = np.frombuffer(random.Random(0).randbytes(32 * 200), np.uint8).reshape(-1, 32)


@dataclass(frozen=True)
class Life:
    """A subnet over some placement blocks."""

    snapshots: list[Snapshot]

    @property
    def pairs(self) -> Iterator[tuple[Snapshot, Snapshot]]:
        """(current, previous) at each placement block but the first."""
        return zip(self.snapshots[1:], self.snapshots, strict=False)


def changed(neuron_before: Neuron, block: int, rng: random.Random) -> Neuron | None:
    """What may become of a neuron until ``block``; None if it is gone."""
    uid = neuron_before.uid
    match rng.randrange(12):
        case 0:
            return None
        case 1:
            return replace(neuron_before, axon=Axon("203.0.113.9", rng.randrange(1, 65_536)))
        case 2:
            return replace(neuron_before, axon=None)
        case 3:  # the UID changes hands
            return neuron(uid, registered_at=block - rng.randrange(EVERY), hotkey=f"new-{block}")
        case 4:
            return replace(neuron_before, hotkey=f"swapped-{uid}-{block}")
        case 5:
            return replace(neuron_before, axon=Axon("198.51.100.7", 8000 + uid))
        case _:
            return neuron_before


def lived(size: int, blocks: int, rng: random.Random) -> Life:
    """A life that begins with ``size`` neurons and goes on among 256 UIDs."""
    listed = [neuron(uid, registered_at=rng.randrange(50)) for uid in rng.sample(range(256), size)]
    snapshots = [snapshot(EVERY, *listed)]
    for block in range(2 * EVERY, (blocks + 1) * EVERY, EVERY):
        listed = [n for before in listed if (n := changed(before, block, rng))]
        free = sorted(set(range(256)) - {n.uid for n in listed})
        joining = rng.sample(free, min(len(free), rng.randrange(4)))
        listed += [neuron(uid, registered_at=block - rng.randrange(EVERY)) for uid in joining]
        snapshots.append(snapshot(block, *listed))
    return Life(snapshots)


def forgetful(listing: Snapshot, rng: random.Random) -> Snapshot:
    """The same snapshot from a chain that no longer knows the hashes of some old blocks."""
    some = (replace(n, registered_hash=None) if rng.random() < 0.2 else n for n in listing.neurons)
    return replace(listing, neurons=tuple(some))


def followed(life: Life, rng: random.Random, folder: Path) -> RoutingTable:
    """A node that saw all of it through a forgetful chain, and restarted now and then."""
    table = RoutingTable(EVERY, None, folder)
    table.learn(life.snapshots[0])
    for current, previous in life.pairs:
        table.learn(current)
        table.bootstrap(forgetful(current, rng), forgetful(previous, rng))
        if rng.random() < 0.3:
            table = RoutingTable(EVERY, None, folder)
    return table


def missed_some(life: Life, rng: random.Random) -> RoutingTable:
    """A node that was away for some of it."""
    table = RoutingTable(EVERY)
    *pairs, last = life.pairs
    for current, previous in [pair for pair in pairs if rng.random() < 0.5] + [last]:
        table.bootstrap(current, previous)
    return table


def came_late(life: Life) -> RoutingTable:
    """A node that saw the last placement block only."""
    table = RoutingTable(EVERY)
    table.bootstrap(life.snapshots[-1], life.snapshots[-2])
    return table


lives = st.builds(lived, st.integers(1, 256), st.integers(2, 6), st.randoms(use_true_random=False))


@settings(max_examples=50, deadline=None)
@given(lives, st.randoms(use_true_random=False))
def test_nodes_with_different_histories_place_alike(life: Life, rng: random.Random) -> None:
    with TemporaryDirectory() as folder:
        tables = [followed(life, rng, Path(folder)), missed_some(life, rng), came_late(life)]
    first, *others = [table.current for table in tables]
    assert first is not None and first.number == life.snapshots[-1].block.number
    assert others == [first, first]
    absent = {m.uid for m in first.members if rng.random() < 0.2}
    for gone in (set(), absent):
        placed = [m.holders_many(DIGESTS, gone) for m in (first, *others) if m is not None]
        assert len(placed) == 3
        assert all((rows == placed[0]).all() for rows in placed)


@settings(max_examples=50, deadline=None)
@given(lives, st.randoms(use_true_random=False))
def test_a_node_that_lacks_a_block_hash_stays_and_still_agrees(
    life: Life, rng: random.Random
) -> None:
    ahead, behind = RoutingTable(EVERY), RoutingTable(EVERY)
    seen: dict[int, Membership] = {}
    for current, previous in life.pairs:
        ahead.bootstrap(current, previous)
        assert ahead.current is not None
        seen[ahead.current.number] = ahead.current
        behind.bootstrap(forgetful(current, rng), forgetful(previous, rng))
        if behind.current is not None:
            assert behind.current == seen[behind.current.number]


@settings(max_examples=50, deadline=None)
@given(lives)
def test_an_address_or_a_hotkey_moves_no_record(life: Life) -> None:
    current, previous = life.snapshots[-1], life.snapshots[-2]
    moved = replace(
        current,
        neurons=tuple(
            replace(n, hotkey=f"k-{n.uid}", axon=n.axon and Axon("203.0.113.1", 1 + n.uid))
            for n in current.neurons
        ),
    )
    one, other = RoutingTable(EVERY), RoutingTable(EVERY)
    one.bootstrap(current, previous)
    other.bootstrap(moved, previous)
    assert one.current is not None and other.current is not None
    assert (one.current.holders_many(DIGESTS) == other.current.holders_many(DIGESTS)).all()
    assert one.current.block_hash == block_hash(current.block.number)

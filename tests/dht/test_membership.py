"""Membership and placement are pure functions of two snapshots and a CID."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from engram.chain.interface import Snapshot
from engram.core import assign
from engram.dht import Membership, key_of, xor_distance
from engram.dht.membership import membership
from tests.dht.networks import Pair, block_hash, cids, neuron, pairs, snapshot

places = st.binary(min_size=32, max_size=32)


def members_of(pair: Pair) -> Membership:
    made = membership(pair.current, pair.previous, {})
    assert made is not None
    return made


@given(places, places, places)
def test_distance_is_a_metric_with_one_point_at_each_distance(
    one: bytes, other: bytes, third: bytes
) -> None:
    assert xor_distance(one, other) == xor_distance(other, one)
    assert (xor_distance(one, other) == 0) == (one == other)
    assert xor_distance(one, third) <= xor_distance(one, other) + xor_distance(other, third)
    assert (xor_distance(one, other) == xor_distance(one, third)) == (other == third)


@given(pairs())
def test_members_are_listed_with_an_axon_in_both_snapshots(pair: Pair) -> None:
    members = members_of(pair).members
    before = {n.uid: n for n in pair.previous.neurons}
    expected = [
        n.uid
        for n in pair.current.neurons
        if n.axon
        and n.uid in before
        and before[n.uid].axon
        and before[n.uid].registered_at == n.registered_at
    ]
    assert [member.uid for member in members] == sorted(expected)


@given(pairs(), cids)
def test_placement_is_the_core_s(pair: Pair, cid: str) -> None:
    found = members_of(pair)
    by_core = assign(cid, [(m.uid, m.registered_hash) for m in found.members])
    assert [member.uid for member in found.assigned(cid)] == by_core
    assert [member.uid for member in found.order(cid)][:3] == by_core
    assert found.assigned_many([cid, cid]) == [found.assigned(cid)] * 2


@given(pairs(), cids)
def test_the_order_is_by_distance_and_names_everybody_once(pair: Pair, cid: str) -> None:
    found = members_of(pair)
    order = found.order(cid)
    distances = [xor_distance(member.node_id, key_of(cid)) for member in order]
    assert distances == sorted(distances)
    assert sorted(member.uid for member in order) == [member.uid for member in found.members]


@given(pairs(), st.randoms())
def test_the_order_of_the_listing_does_not_matter(pair: Pair, rng: random.Random) -> None:
    def shuffled(one: Snapshot) -> Snapshot:
        return replace(one, neurons=tuple(rng.sample(one.neurons, len(one.neurons))))

    assert members_of(Pair(shuffled(pair.current), shuffled(pair.previous))) == members_of(pair)


@given(pairs(), cids)
def test_whoever_just_arrived_moves_nothing(pair: Pair, cid: str) -> None:
    used = {n.uid for n in (*pair.current.neurons, *pair.previous.neurons)}
    newcomer = neuron(next(uid for uid in range(65_536) if uid not in used))
    grown = replace(pair.current, neurons=(*pair.current.neurons, newcomer))
    assert members_of(Pair(grown, pair.previous)).assigned(cid) == members_of(pair).assigned(cid)


def test_a_validator_without_an_axon_holds_nothing() -> None:
    listed = (neuron(0), neuron(1, axon=False))
    found = members_of(Pair(snapshot(200, *listed), snapshot(100, *listed)))
    assert [member.uid for member in found.members] == [0]


def test_a_swapped_hotkey_stays_where_it_was() -> None:
    before, after = neuron(5), neuron(5, hotkey="another")
    one = members_of(Pair(snapshot(200, before), snapshot(100, before)))
    other = members_of(Pair(snapshot(200, after), snapshot(100, before)))
    assert one.members[0].node_id == other.members[0].node_id
    assert other.members[0].hotkey == "another"


def test_a_uid_that_somebody_else_took_is_not_a_member_yet() -> None:
    before, after = neuron(5, registered_at=7), neuron(5, registered_at=150)
    assert members_of(Pair(snapshot(200, after), snapshot(100, before))).members == ()


def test_an_unknown_block_hash_leaves_no_guess() -> None:
    listed = neuron(5, registered_at=7, known=False)
    pair = Pair(snapshot(200, listed), snapshot(100, listed))
    assert membership(pair.current, pair.previous, {}) is None
    found = membership(pair.current, pair.previous, {7: block_hash(7)})
    assert found is not None
    assert found.members[0].registered_hash == block_hash(7)

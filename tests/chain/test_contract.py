"""What every implementation of Chain does, whatever is behind it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from engram.chain.interface import Axon
from engram.chain.signatures import public_key_of
from engram.errors import ChainRejected, ChainUnavailable
from tests.chain.worlds import QUICK, World, signer

HERE = Axon("203.0.113.7", 8091)
THERE = Axon("2001:db8::7", 8092)


def test_it_connects_and_says_what_it_is(world: World) -> None:
    chain = world.open()
    chain.connect()
    assert chain.name
    assert isinstance(chain.is_public, bool)


def test_blocks_grow_and_keep_their_hash(world: World) -> None:
    chain = world.open()
    first = chain.block()
    assert len(first.hash) == 32
    assert chain.block() == first
    world.advance(3)
    later = chain.block()
    assert later.number == first.number + 3
    assert later.hash != first.hash
    assert chain.snapshot(world.netuid, first.number).block == first


def test_a_snapshot_names_every_neuron(world: World) -> None:
    world.register("ann", "ben")
    included = world.advance()
    world.stake("ben", 40)
    world.advance()
    ann, ben = world.open().snapshot(world.netuid).neurons
    assert [ann.uid, ben.uid] == [0, 1]
    assert ann.hotkey == signer("ann").hotkey
    assert ann.coldkey == signer("ann").coldkey
    assert ann.public_key == public_key_of(ann.hotkey) == signer("ann").public_key
    assert (ann.axon, ann.stake, ann.incentive, ann.dividends, ann.emission) == (None, 0, 0, 0, 0)
    assert ben.stake == pytest.approx(40)
    assert not ben.validator_permit
    assert ann.registered_at == included


def test_the_hash_of_a_registration_is_that_of_its_block(world: World) -> None:
    chain = world.open()
    world.register("ann")
    world.advance()
    block = chain.block()
    world.advance(4)
    (ann,) = chain.snapshot(world.netuid).neurons
    assert ann.registered_at == block.number
    assert ann.registered_hash in (None, block.hash)


def test_an_earlier_block_is_seen_as_it_was(world: World) -> None:
    chain = world.open(signer("ann"))
    world.register("ann")
    world.advance()
    before = chain.snapshot(world.netuid)
    world.register("ben")
    assert chain.serve_axon(HERE, netuid=world.netuid).ok
    world.advance(2)
    assert len(chain.snapshot(world.netuid).neurons) == 2
    assert chain.snapshot(world.netuid, before.block.number) == before


def test_an_axon_is_announced(world: World) -> None:
    chain = world.open(signer("ann"))
    world.register("ann")
    world.advance()
    for axon in (HERE, THERE):
        assert chain.serve_axon(axon, netuid=world.netuid).ok
        world.advance(QUICK.serving_rate_limit)
        mine = chain.snapshot(world.netuid).by_hotkey(signer("ann").hotkey)
        assert mine is not None
        assert mine.axon == axon


def test_an_unchanged_axon_is_no_write(world: World) -> None:
    chain = world.open(signer("ann"))
    world.register("ann")
    assert chain.serve_axon(HERE, netuid=world.netuid).ok
    world.advance()
    written = len(world.operator.history(100, "axon"))
    assert chain.serve_axon(HERE, netuid=world.netuid).ok
    assert len(world.operator.history(100, "axon")) == written


def test_nobody_serves_without_a_uid(world: World) -> None:
    receipt = world.open(signer("ann")).serve_axon(HERE, netuid=world.netuid)
    assert (receipt.ok, receipt.code, receipt.retry_after_blocks) == (False, "not_registered", None)
    assert signer("ann").hotkey in receipt.message


@pytest.mark.parametrize("axon", [Axon("0.0.0.0", 1), Axon("here", 1), Axon("203.0.113.7", 0)])
def test_an_axon_that_nobody_could_dial_is_refused(world: World, axon: Axon) -> None:
    world.register("ann")
    world.advance()
    with pytest.raises(ChainRejected):
        world.open(signer("ann")).serve_axon(axon, netuid=world.netuid)


def test_weights_become_incentive(world: World) -> None:
    world.validators(val=100)
    world.register("ann", "ben", "cat")
    world.advance(QUICK.weights_rate_limit)
    chain = world.open(signer("val"))
    weights = {signer("ann").hotkey: 3.0, signer("ben").hotkey: 1.0, signer("gone").hotkey: 9.0}
    receipt = chain.set_weights(weights, 0, netuid=world.netuid)
    assert receipt.ok, receipt
    included = world.advance()
    world.epoch()
    val, ann, ben, cat = chain.snapshot(world.netuid).neurons
    assert val.last_update == included
    assert [ann.incentive, ben.incentive, cat.incentive] == pytest.approx([0.75, 0.25, 0], abs=1e-4)
    assert val.dividends == pytest.approx(1, abs=1e-4)
    assert ann.emission == pytest.approx(3 * ben.emission, rel=1e-3)
    assert ann.emission + ben.emission == pytest.approx(val.emission, rel=1e-3)


def test_weights_that_come_too_soon_are_told_when(world: World) -> None:
    world.validators(val=100)
    world.register("ann")
    world.advance(QUICK.weights_rate_limit)
    chain = world.open(signer("val"))
    weights = {signer("ann").hotkey: 1.0}
    assert chain.set_weights(weights, 0, netuid=world.netuid).ok
    world.advance()
    receipt = chain.set_weights(weights, 0, netuid=world.netuid)
    assert (receipt.ok, receipt.code) == (False, "rate_limited")
    assert receipt.retry_after_blocks is not None
    world.advance(receipt.retry_after_blocks)
    assert chain.set_weights(weights, 0, netuid=world.netuid).ok


def test_nobody_weights_without_a_permit(world: World) -> None:
    world.register("ann", "ben")
    world.advance(QUICK.weights_rate_limit)
    chain = world.open(signer("ann"))
    receipt = chain.set_weights({signer("ben").hotkey: 1.0}, 0, netuid=world.netuid)
    assert (receipt.ok, receipt.code) == (False, "no_permit")


def test_nobody_weights_without_a_uid(world: World) -> None:
    world.register("ben")
    world.advance()
    chain = world.open(signer("ann"))
    receipt = chain.set_weights({signer("ben").hotkey: 1.0}, 0, netuid=world.netuid)
    assert (receipt.ok, receipt.code) == (False, "not_registered")


def test_weights_of_an_old_version_are_refused(world: World) -> None:
    world.operator.change_rules(world.netuid, weights_version=7)
    world.validators(val=100)
    world.register("ann")
    world.advance(QUICK.weights_rate_limit)
    chain = world.open(signer("val"))
    weights = {signer("ann").hotkey: 1.0}
    receipt = chain.set_weights(weights, 6, netuid=world.netuid)
    assert (receipt.ok, receipt.code) == (False, "version_too_low")
    assert chain.set_weights(weights, 7, netuid=world.netuid).ok


def test_shares_above_the_largest_are_cut_to_it(world: World) -> None:
    world.operator.change_rules(world.netuid, max_weight_limit=0.5)
    world.validators(val=100)
    world.register("ann", "ben", "cat")
    world.advance(QUICK.weights_rate_limit)
    chain = world.open(signer("val"))
    weights = {signer(name).hotkey: w for name, w in {"ann": 98.0, "ben": 1.0, "cat": 1.0}.items()}
    assert chain.set_weights(weights, 0, netuid=world.netuid).ok
    world.advance()
    world.epoch()
    shares = [neuron.incentive for neuron in chain.snapshot(world.netuid).neurons[1:]]
    assert shares == pytest.approx([0.5, 0.25, 0.25], abs=1e-4)


def test_too_few_weights_are_refused(world: World) -> None:
    world.operator.change_rules(world.netuid, min_allowed_weights=2)
    world.validators(val=100)
    world.register("ann", "ben")
    world.advance(QUICK.weights_rate_limit)
    chain = world.open(signer("val"))
    receipt = chain.set_weights({signer("ann").hotkey: 1.0}, 0, netuid=world.netuid)
    assert (receipt.ok, receipt.code) == (False, "too_few_weights")


def test_weights_for_nobody_are_refused(world: World) -> None:
    world.validators(val=100)
    world.register("ann")
    world.advance(QUICK.weights_rate_limit)
    chain = world.open(signer("val"))
    for weights in ({}, {signer("gone").hotkey: 1.0}, {signer("ann").hotkey: 0.0}):
        receipt = chain.set_weights(weights, 0, netuid=world.netuid)
        assert (receipt.ok, receipt.code) == (False, "no_weights")


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_a_weight_is_a_number_from_0_up(world: World, bad: float) -> None:
    world.register("ann")
    world.advance()
    with pytest.raises(ChainRejected):
        world.open(signer("ann")).set_weights({signer("ann").hotkey: bad}, 0, netuid=world.netuid)


def test_committed_weights_count_only_when_revealed(world: World) -> None:
    world.operator.change_rules(world.netuid, commit_reveal=True)
    world.validators(val=100)
    world.register("ann")
    world.advance(QUICK.weights_rate_limit)
    chain = world.open(signer("val"))
    assert chain.set_weights({signer("ann").hotkey: 1.0}, 0, netuid=world.netuid).ok
    world.epoch()
    assert chain.snapshot(world.netuid).neurons[1].incentive == 0
    if not world.opens_commits:
        return
    world.epoch()
    world.advance()
    world.epoch()
    assert chain.snapshot(world.netuid).neurons[1].incentive == pytest.approx(1, abs=1e-4)


def test_the_rules_can_be_asked_for(world: World) -> None:
    world.operator.change_rules(world.netuid, max_weight_limit=0.5, weights_version=3)
    rules = world.open().hyperparameters(world.netuid)
    assert (rules.tempo, rules.weights_rate_limit) == (QUICK.tempo, QUICK.weights_rate_limit)
    assert (rules.weights_version, rules.commit_reveal) == (3, False)
    assert rules.max_weight_limit == pytest.approx(0.5, abs=1e-4)
    assert (rules.max_uids, rules.max_validators) == (256, 64)


def test_without_a_wallet_it_only_reads(world: World) -> None:
    chain = world.open()
    chain.connect()
    with pytest.raises(ChainRejected, match="wallet"):
        chain.serve_axon(HERE, netuid=world.netuid)
    with pytest.raises(ChainRejected, match="wallet"):
        chain.set_weights({signer("ann").hotkey: 1.0}, 0, netuid=world.netuid)


def test_a_block_that_is_not_made_yet_is_unavailable(world: World) -> None:
    chain = world.open()
    with pytest.raises(ChainUnavailable):
        chain.snapshot(world.netuid, chain.block().number + 50)


def test_a_chain_that_is_down_is_unavailable_until_it_is_back(world: World) -> None:
    chain = world.open(signer("ann"))
    chain.connect()
    world.down()
    with pytest.raises(ChainUnavailable):
        chain.block()
    with pytest.raises(ChainUnavailable):
        chain.serve_axon(HERE, netuid=world.netuid)
    world.mend()
    assert chain.block().number >= 0


def test_a_chain_that_is_down_at_the_start_can_be_reached_later(world: World) -> None:
    world.down()
    chain = world.open()
    with pytest.raises(ChainUnavailable):
        chain.connect()
    world.mend()
    chain.connect()


def test_a_frozen_chain_is_given_up_at_the_deadline(world: World) -> None:
    chain = world.open(deadline_s=0.3)
    chain.connect()
    world.freeze()
    with pytest.raises(ChainUnavailable):
        chain.snapshot(world.netuid)
    world.mend()
    assert chain.snapshot(world.netuid).netuid == world.netuid


def test_a_chain_that_refuses_says_so_in_the_receipt(world: World) -> None:
    world.validators(val=100)
    world.register("ann")
    world.advance(QUICK.weights_rate_limit)
    chain = world.open(signer("val"))
    world.reject()
    receipt = chain.set_weights({signer("ann").hotkey: 1.0}, 0, netuid=world.netuid)
    assert not receipt.ok
    assert receipt.message
    assert chain.snapshot(world.netuid).neurons
    world.mend()
    assert chain.set_weights({signer("ann").hotkey: 1.0}, 0, netuid=world.netuid).ok


def test_it_may_be_called_from_many_threads(world: World) -> None:
    world.register("ann", "ben")
    world.advance()
    chain = world.open()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: chain.snapshot(world.netuid), range(32)))
    assert len(set(found)) == 1


def test_closing_twice_is_closing_once(world: World) -> None:
    chain = world.open()
    chain.connect()
    chain.close()
    chain.close()
    with pytest.raises(ChainUnavailable):
        chain.block()

"""Which weights the dev chain takes, and which of those count."""

from __future__ import annotations

from typing import Any

import pytest

from engram.chain.interface import Receipt
from tests.chain.worlds import QUICK, World, signer


def say(world: World, who: str, /, **weights: float) -> Receipt:
    named = {signer(name).hotkey: weight for name, weight in weights.items()}
    return world.ledger(who).set_weights(named, 0, netuid=world.netuid)


def incentive(world: World) -> dict[str, float]:
    """By hotkey, where it is not 0."""
    neurons = world.open().snapshot(world.netuid).neurons
    return {n.hotkey: n.incentive for n in neurons if n.incentive}


def ready(world: World, **rules: Any) -> None:
    """A validator that may set weights now, and two miners."""
    world.operator.change_rules(world.netuid, **rules)
    world.validators(val=100)
    world.register("ann", "ben")
    world.advance(QUICK.weights_rate_limit)


def test_a_new_neuron_waits_out_the_rate_limit(dev: World) -> None:
    dev.register("ann", "ben")
    receipt = say(dev, "ann", ben=1)
    assert (receipt.code, receipt.retry_after_blocks) == ("rate_limited", QUICK.weights_rate_limit)


def test_a_word_about_oneself_is_taken_and_does_not_count(dev: World) -> None:
    ready(dev)
    assert say(dev, "ann", ann=1).ok
    assert say(dev, "val", val=9, ann=1).ok
    dev.epoch()
    assert incentive(dev) == {signer("ann").hotkey: 1}


def test_oneself_alone_is_exempt_from_count_and_limit(dev: World) -> None:
    ready(dev, max_weight_limit=0.1, min_allowed_weights=3)
    assert say(dev, "ann", ann=1).ok


def test_too_few_miners_for_the_limit_are_refused(dev: World) -> None:
    ready(dev, max_weight_limit=0.3)
    receipt = say(dev, "val", ann=1, ben=1)
    assert (receipt.ok, receipt.code) == (False, "max_weight_exceeded")


def test_the_minimum_count_is_never_more_than_there_are_neurons(dev: World) -> None:
    ready(dev, min_allowed_weights=200)
    assert say(dev, "val", ann=1, ben=1).code == "too_few_weights"
    assert say(dev, "val", ann=1, ben=1, val=1).ok


def test_too_little_stake_is_told(dev: World) -> None:
    ready(dev)
    dev.operator.change_rules(dev.netuid, min_stake_to_set_weights=1000)
    receipt = say(dev, "val", ann=1)
    assert (receipt.code, receipt.retry_after_blocks) == ("low_stake", None)


def test_without_a_permit_it_is_told_when_there_may_be_one(dev: World) -> None:
    ready(dev, weights_rate_limit=0)
    dev.register("cat")
    dev.stake("cat", 5)
    receipt = say(dev, "cat", ann=1)
    assert receipt.code == "no_permit"
    assert receipt.retry_after_blocks is not None
    dev.advance(receipt.retry_after_blocks)
    assert say(dev, "cat", ann=1).ok
    assert say(dev, "ann", ben=1).retry_after_blocks is None


def test_permits_go_to_the_highest_stakes(dev: World) -> None:
    dev.operator.change_rules(dev.netuid, max_validators=2)
    dev.validators(one=10, two=30, three=20)
    neurons = dev.open().snapshot(dev.netuid).neurons
    assert [n.validator_permit for n in neurons] == [False, True, True]


def test_too_little_stake_gets_no_permit(dev: World) -> None:
    dev.operator.change_rules(dev.netuid, min_stake_to_set_weights=5)
    dev.register("none")
    dev.validators(little=4, enough=5)
    neurons = dev.open().snapshot(dev.netuid).neurons
    assert [n.validator_permit for n in neurons] == [False, False, True]


def test_a_validator_that_fell_silent_no_longer_counts(dev: World) -> None:
    ready(dev, activity_cutoff=15)
    dev.validators(new=100)
    dev.advance(QUICK.weights_rate_limit)
    assert say(dev, "val", ann=1).ok
    dev.epoch()
    assert incentive(dev) == {signer("ann").hotkey: 1}
    dev.advance(10)
    assert say(dev, "new", ben=1).ok
    dev.epoch()
    assert incentive(dev) == {signer("ben").hotkey: 1}


def test_a_second_set_replaces_the_first(dev: World) -> None:
    ready(dev, weights_rate_limit=0)
    assert say(dev, "val", ann=1).ok
    assert say(dev, "val", ben=1).ok
    dev.epoch()
    assert incentive(dev) == {signer("ben").hotkey: 1}


def test_weights_for_who_lost_its_uid_do_not_pay_who_got_it(dev: World) -> None:
    dev.operator.change_rules(dev.netuid, max_uids=2, immunity_period=5)
    dev.validators(val=100)
    dev.register("ann")
    dev.advance(QUICK.weights_rate_limit)
    assert say(dev, "val", ann=1).ok
    dev.advance()
    dev.register("ben")
    assert dev.operator.weights(dev.netuid) == {signer("val").hotkey: {}}
    dev.epoch()
    assert incentive(dev) == {}


def test_bonds_on_who_lost_its_uid_are_not_bonds_on_who_got_it(dev: World) -> None:
    immune = 40  # so that the validator that comes late, and earned nothing yet, keeps its UID
    dev.operator.change_rules(dev.netuid, max_uids=3, immunity_period=immune)
    dev.register("ann")
    dev.validators(early=1000)
    dev.advance(immune)
    dev.validators(late=1000)
    assert say(dev, "early", ann=1).ok
    dev.epoch()
    dev.register("ben")
    dev.advance()
    assert say(dev, "early", ben=1).ok
    assert say(dev, "late", ben=1).ok
    dev.epoch()
    ben, early, late = dev.open().snapshot(dev.netuid).neurons
    assert ben.hotkey == signer("ben").hotkey
    assert early.dividends == pytest.approx(late.dividends, rel=0.1)


def test_commits_are_revealed_in_their_order(dev: World) -> None:
    ready(dev, commit_reveal=True, weights_rate_limit=0)
    first = say(dev, "val", ann=1)
    assert (first.ok, first.code) == (True, "committed")
    assert say(dev, "val", ben=1).ok
    assert dev.operator.weights(dev.netuid) == {}
    dev.epoch()
    assert dev.operator.weights(dev.netuid) == {
        signer("val").hotkey: {signer("ben").hotkey: 65_535}
    }


def test_a_reveal_waits_for_its_epochs(dev: World) -> None:
    ready(dev, commit_reveal=True, reveal_period_epochs=3)
    assert say(dev, "val", ann=1).ok
    for _ in range(2):
        dev.epoch()
        assert dev.operator.weights(dev.netuid) == {}
    dev.epoch()
    assert dev.operator.weights(dev.netuid) != {}


def test_the_commit_of_who_lost_its_uid_is_forgotten(dev: World) -> None:
    dev.operator.change_rules(dev.netuid, commit_reveal=True, weights_rate_limit=0, max_uids=1)
    dev.validators(val=100)
    assert say(dev, "val", val=1).ok
    dev.register("ann")
    dev.epoch()
    assert dev.operator.history(50, "revealed") == []
    assert dev.operator.weights(dev.netuid) == {}

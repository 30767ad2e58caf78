"""Who gets a UID on the dev chain, who loses it, and that keys cannot be mixed up."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from engram.chain.dev import DevChain
from engram.chain.wallet import KeypairSigner
from engram.errors import ChainRejected
from tests.chain.worlds import QUICK, World, signer


def hotkeys(world: World) -> list[str]:
    world.advance()
    return [neuron.hotkey for neuron in world.open().snapshot(world.netuid).neurons]


def named(*names: str) -> list[str]:
    return [signer(name).hotkey for name in names]


def test_a_second_registration_changes_nothing(dev: World) -> None:
    dev.register("ann", "ben")
    receipt = dev.ledger("ann").register(netuid=dev.netuid)
    assert (receipt.ok, receipt.code) == (True, "already_registered")
    assert hotkeys(dev) == named("ann", "ben")


def test_when_full_the_lowest_emission_makes_room(dev: World) -> None:
    dev.operator.change_rules(dev.netuid, max_uids=4, weights_rate_limit=0)
    dev.validators(val=100)
    dev.register("ann", "ben", "cat")
    dev.advance(QUICK.immunity_period)
    weights = {signer("ann").hotkey: 3, signer("ben").hotkey: 1, signer("cat").hotkey: 2}
    assert dev.ledger("val").set_weights(weights, 0, netuid=dev.netuid).ok
    dev.epoch()
    dev.register("dan")
    assert hotkeys(dev) == named("val", "ann", "dan", "cat")
    gone = dev.operator.history(1, "deregistered")
    assert [event.hotkey for event in gone] == named("ben")


def test_the_immune_are_spared_though_they_earn_nothing(dev: World) -> None:
    dev.operator.change_rules(dev.netuid, max_uids=2)
    dev.register("new-once")
    dev.validators(earner=100)
    dev.advance(QUICK.immunity_period)
    dev.register("new")
    dev.register("newer")
    assert hotkeys(dev) == named("new", "newer")


def test_where_all_are_immune_the_oldest_goes(dev: World) -> None:
    dev.operator.change_rules(dev.netuid, max_uids=2)
    dev.register("ann")
    dev.advance()
    dev.register("ben", "cat")
    assert hotkeys(dev) == named("cat", "ben")


def test_who_takes_over_a_uid_starts_from_nothing(dev: World) -> None:
    dev.operator.change_rules(dev.netuid, max_uids=1)
    dev.validators(val=100)
    before = dev.open().snapshot(dev.netuid).neurons[0]
    dev.register("ann")
    block = dev.advance()
    (after,) = dev.open().snapshot(dev.netuid).neurons
    assert (after.hotkey, after.stake, after.validator_permit) == (signer("ann").hotkey, 0, False)
    assert after.registered_at == block
    assert after.registered_hash == dev.open().block().hash
    owner = signer("val").coldkey or ""
    assert dev.operator.balance(owner) == before.stake  # what was staked goes back to its owner


def test_registering_costs_what_the_rules_say(dev: World) -> None:
    dev.operator.change_rules(dev.netuid, registration_cost=2)
    receipt = dev.ledger("ann").register(netuid=dev.netuid)
    assert (receipt.ok, receipt.code) == (False, "low_balance")
    owner = signer("ann").coldkey or ""
    dev.operator.faucet(owner, 5)
    dev.register("ann")
    assert dev.operator.balance(owner) == 3
    assert dev.operator.totals() == {"minted": 5, "emitted": 0, "recycled": 2}


def test_without_a_coldkey_the_hotkey_owns_itself(dev: World) -> None:
    alone = KeypairSigner(signer("ann")._keypair)
    assert DevChain(dev.path, alone).register(netuid=dev.netuid).ok
    dev.advance()
    (ann,) = dev.open().snapshot(dev.netuid).neurons
    assert ann.coldkey == ann.hotkey


def test_stake_needs_a_uid_and_a_balance(dev: World) -> None:
    assert dev.stake("ann", 5).code == "not_registered"
    dev.register("ann")
    assert dev.ledger("ann").add_stake(6, netuid=dev.netuid).code == "low_balance"
    assert dev.ledger("ann").add_stake(5, netuid=dev.netuid).ok


@dataclass
class Impostor:
    """Claims a hotkey, holds another."""

    hotkey: str
    public_key: bytes
    coldkey: str | None = None

    def sign(self, message: bytes) -> bytes:
        return signer("mallory").sign(message)


@pytest.mark.parametrize("whose", ["ann", "mallory"])
def test_nobody_acts_for_a_key_that_is_not_theirs(dev: World, whose: str) -> None:
    impostor = Impostor(signer("ann").hotkey, signer(whose).public_key)
    with pytest.raises(ChainRejected, match="load the wallet anew"):
        DevChain(dev.path, impostor).register(netuid=dev.netuid)
    assert hotkeys(dev) == []


def test_a_subnet_that_is_not_there_is_told(dev: World) -> None:
    with pytest.raises(ChainRejected, match="no subnet 7; it has 1"):
        dev.ledger("ann").register(netuid=7)

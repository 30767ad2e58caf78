"""The unmodified SDK against a node: what goes over the wire, and what the node checks of it."""

from __future__ import annotations

import time
from dataclasses import replace
from ipaddress import ip_address

import bittensor
import pytest
from bittensor_core import Keypair

from engram.chain import open_chain
from engram.chain.interface import Axon, Neuron
from engram.chain.wallet import KeypairSigner
from engram.errors import ChainRejected
from tests.chain.subtensor.conftest import Wire, weights
from tests.chain.worlds import signer

HERE = Axon("203.0.113.7", 8091)
METHODS = {
    "account_nextIndex",
    "author_submitAndWatchExtrinsic",
    "author_unwatchExtrinsic",
    "chain_getBlock",
    "chain_getBlockHash",
    "chain_getFinalizedHead",
    "chain_getHead",
    "chain_getHeader",
    "state_call",
    "state_getRuntimeVersion",
    "state_getStorageAt",
}
APIS = {
    "Metadata_metadata_at_version",
    "SubnetInfoRuntimeApi_get_metagraph",
    "TransactionPaymentApi_query_info",
}
DRAND_GENESIS, DRAND_PERIOD_S = 1_692_803_367, 3  # quicknet, whose rounds open commits


def without_shares(neuron: Neuron) -> Neuron:
    """On the wire they are whole numbers of a unit."""
    return replace(neuron, incentive=0, dividends=0, emission=0)


def test_a_snapshot_is_what_the_ledger_holds(wire: Wire) -> None:
    chain = wire.validator()
    assert chain.set_weights(weights(ann=3, ben=1), 0, netuid=1).ok
    assert wire.world.open(signer("ann")).serve_axon(HERE, netuid=1).ok
    wire.world.epoch()
    over_wire = chain.snapshot(1)
    ledger = wire.world.ledger("val").snapshot(1)
    assert over_wire.block == ledger.block
    for seen, kept in zip(over_wire.neurons, ledger.neurons, strict=True):
        assert seen.incentive == pytest.approx(kept.incentive, abs=1e-4)
        assert seen.dividends == pytest.approx(kept.dividends, abs=1e-4)
        assert seen.emission == pytest.approx(kept.emission)
        assert without_shares(seen) == without_shares(kept)


def test_the_whole_of_it_uses_these_methods_only(wire: Wire) -> None:
    chain = wire.validator()
    chain.snapshot(1)
    chain.hyperparameters(1)
    assert chain.serve_axon(HERE, netuid=1).ok
    assert chain.set_weights(weights(ann=1), 0, netuid=1).ok
    assert set(wire.node.asked) == METHODS | APIS


def test_a_registration_that_btcli_would_send_is_seen(wire: Wire) -> None:
    coldkey = Keypair.create_from_uri("//cat//cold")
    call = bittensor.calls.SubtensorModule.burned_register(netuid=1, hotkey=signer("cat").hotkey)
    with bittensor.Subtensor(wire.node.url) as sdk:
        result = sdk.submit_call(  # type: ignore[no-untyped-call]
            call, coldkey, wait_for_finalization=False
        )
    assert result.success, result
    wire.world.advance()
    cat = wire.validator().snapshot(1).by_hotkey(signer("cat").hotkey)
    assert cat is not None
    assert cat.coldkey == coldkey.ss58_address


def test_weights_go_as_they_were_asked_for(wire: Wire) -> None:
    receipt = wire.validator().set_weights(weights(ann=3, ben=1), 5, netuid=1)
    assert receipt.ok
    (sent,) = wire.node.taken
    assert sent.function == "SubtensorModule.set_mechanism_weights"
    expected = {"dests": [1, 2], "weights": [65535, 21845], "version_key": 5}
    assert sent.arguments == {"netuid": 1, "mecid": 0, **expected}


def test_committed_weights_are_sealed_until_a_later_round(wire: Wire) -> None:
    wire.world.operator.change_rules(1, commit_reveal=True, tempo=3600)
    receipt = wire.validator().set_weights(weights(ann=3, ben=1), 5, netuid=1)
    assert (receipt.ok, receipt.code) == (True, "committed")
    (sent,) = wire.node.taken
    assert sent.function == "SubtensorModule.commit_timelocked_mechanism_weights"
    assert sent.arguments["commit_reveal_version"] == 4
    now = (time.time() - DRAND_GENESIS) / DRAND_PERIOD_S
    assert sent.arguments["reveal_round"] > now + 100  # 3,600 blocks of this chain: 900 s
    commit = bytes.fromhex(sent.arguments["commit"].removeprefix("0x"))
    assert len(commit) > 100
    assert (65535).to_bytes(2, "little") + (21845).to_bytes(2, "little") not in commit


@pytest.mark.parametrize("ip", ["127.0.0.2", "10.0.0.7", "2001:db8::7"])
def test_an_address_arrives_as_it_was_given(wire: Wire, ip: str) -> None:
    assert wire.validator().serve_axon(Axon(ip, 8091), netuid=1).ok
    (sent,) = wire.node.taken
    assert sent.arguments["ip"] == int(ip_address(ip))
    assert sent.arguments["ip_type"] == ip_address(ip).version
    wire.world.advance()
    assert wire.validator().snapshot(1).neurons[0].axon == Axon(ip, 8091)


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1"])
def test_loopback_that_the_runtime_refuses_is_never_sent(wire: Wire, ip: str) -> None:
    with pytest.raises(ChainRejected, match="--external-ip"):
        wire.validator().serve_axon(Axon(ip, 8091), netuid=1)
    assert not wire.node.taken


def test_the_node_takes_no_signature_of_another_key(wire: Wire) -> None:
    val = signer("val")

    class Forged(KeypairSigner):
        def sign(self, message: bytes) -> bytes:
            return signer("ben").sign(message)

    forged = Forged(Keypair(ss58_address=val.hotkey))
    with pytest.raises(ChainRejected, match="signature"):
        wire.world.open(forged).serve_axon(HERE, netuid=1)
    assert not wire.node.taken


def test_a_subnet_that_is_not_there_is_named(wire: Wire) -> None:
    with pytest.raises(ChainRejected, match="no subnet 9"):
        wire.validator().snapshot(9)


def test_it_opens_by_its_address(wire: Wire) -> None:
    chain = open_chain(wire.node.url)
    try:
        assert chain.block() == wire.validator().block()
        assert (chain.name, chain.is_public) == (wire.node.url, True)
    finally:
        chain.close()


def test_one_connection_serves_every_call_and_thread(wire: Wire) -> None:
    chain = wire.validator()
    for _ in range(5):
        chain.snapshot(1)
    assert wire.node.asked["Metadata_metadata_at_version"] == 1
    assert wire.node.dialled == 1

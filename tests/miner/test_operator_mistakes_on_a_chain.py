"""What an operator gets wrong is said clearly, once, and never keeps the miner from serving."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from engram.chain.interface import Axon
from engram.config import MinerSettings
from engram.errors import InvalidInput, WalletError
from engram.miner.app import axon_of, signer_of
from engram.miner.chain_warnings import answers, is_private
from tests.chain.worlds import NETUID, dev_world, signer
from tests.miner.linked import Linked, linked, linked_on_dev_chain

ELSEWHERE = Axon("198.51.100.9", 8091)


def only_warning(miner: Linked) -> str:
    assert miner.link.view.state == "connected"
    [sentence] = miner.link.view.warnings
    return sentence


def test_a_hotkey_that_is_not_registered(tmp_path: Path) -> None:
    with dev_world(tmp_path) as world, linked(tmp_path, world) as miner:
        miner.turn()
        assert signer("miner").hotkey in only_warning(miner)
        assert "not registered" in only_warning(miner)
        world.register("miner")
        world.advance()
        miner.resync()
        assert miner.link.view.warnings == ()
        assert miner.link.view.neuron is not None


def test_two_miners_with_one_hotkey(tmp_path: Path) -> None:
    with linked_on_dev_chain(tmp_path) as first:
        first.turn()
        first.world.advance(5)
        with linked(tmp_path, first.world, axon=ELSEWHERE) as second:
            second.answering.add("http://127.0.0.1:8091")
            second.turn()
            assert "Two miners" in only_warning(second)  # it takes the place, and says so
        first.answering.add(ELSEWHERE.url)
        first.world.advance(5)
        first.resync()
        assert "Two miners" in only_warning(first)
        assert ELSEWHERE.url in only_warning(first)
        first.world.advance()
        first.resync()
        neuron = first.link.view.neuron
        assert neuron is not None and neuron.axon == ELSEWHERE  # no tug of war
        first.answering.discard(ELSEWHERE.url)
        first.resync()
        assert first.link.view.warnings == ()
        first.world.advance()
        now = first.chain.snapshot(NETUID).by_hotkey(signer("miner").hotkey)
        assert now is not None and now.axon == Axon("127.0.0.1", 8091)


def test_an_address_that_nobody_reaches(tmp_path: Path) -> None:
    with linked_on_dev_chain(tmp_path) as miner:
        miner.answering.clear()
        miner.turn()
        assert "Nothing answers" in only_warning(miner)
        assert "8091" in only_warning(miner)


def test_no_address_at_all(tmp_path: Path) -> None:
    with linked_on_dev_chain(tmp_path) as other, linked(tmp_path, other.world, axon=None) as miner:
        miner.turn()
        assert "--external-ip" in only_warning(miner)


def test_on_a_public_chain_private_addresses_and_coldkeys_are_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    coldkey = tmp_path / "wallets" / "miner" / "coldkey"
    with (
        linked_on_dev_chain(tmp_path) as other,
        linked(tmp_path, other.world, coldkey_here=coldkey) as miner,
    ):
        miner.turn()
        on_dev_chain = list(miner.link.view.warnings)
        assert on_dev_chain == []  # it is nobody's money
        monkeypatch.setattr(miner.chain, "is_public", True)
        miner.resync()
        cold, private = list(miner.link.view.warnings)
        assert str(coldkey) in cold
        assert "private address" in private


def test_a_warning_is_logged_once_and_its_end_too(tmp_path: Path) -> None:
    with linked_on_dev_chain(tmp_path) as miner, capture_logs() as lines:
        miner.answering.clear()
        miner.turn()
        miner.resync()
        miner.resync()
        miner.answering.add("http://127.0.0.1:8091")
        miner.resync()
    told = [line["event"] for line in lines if "Nothing answers" in str(line)]
    assert len(told) == 2
    assert told[1] == "no longer so"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"host": "127.0.0.1"}, Axon("127.0.0.1", 8091)),
        ({"host": "0.0.0.0"}, None),
        ({"host": "localhost"}, None),
        ({"host": "0.0.0.0", "external_ip": "203.0.113.7"}, Axon("203.0.113.7", 8091)),
        ({"external_ip": "2001:db8::1", "external_port": 80}, Axon("2001:db8::1", 80)),
    ],
)
def test_which_address_is_announced(settings: dict[str, str], expected: Axon | None) -> None:
    assert axon_of(MinerSettings(**settings), 8091) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("ip", ["10.0.0.1", "192.168.1.5", "127.0.0.1", "fd00::1", "100.64.0.1"])
def test_private_addresses(ip: str) -> None:
    assert is_private(ip)
    assert not is_private("8.8.8.8")


def test_nothing_answers_on_a_closed_port() -> None:
    assert not answers("http://127.0.0.1:9")


def test_a_chain_without_a_wallet_is_refused_with_the_way_out(tmp_path: Path) -> None:
    chain = f"dev:{tmp_path / 'chain.sqlite'}"
    with pytest.raises(InvalidInput, match="--wallet"):
        signer_of(MinerSettings(chain=chain))


def test_a_wallet_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGRAM_WALLET_DIR", str(tmp_path))
    with pytest.raises(WalletError, match="engram wallet create"):
        signer_of(MinerSettings(chain="dev:x", wallet="alice/miner"))

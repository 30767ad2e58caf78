"""A wallet signs, keeps its secret to itself, and is read from a private file only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engram.blobs.arweave.wallet import Wallet, load_wallet, parse_wallet, verify
from engram.errors import WalletError
from tests.blobs.arweave.golden_vectors import WALLET_FILE


@pytest.fixture(scope="module")
def wallet() -> Wallet:
    return parse_wallet(WALLET_FILE.read_text())


def test_a_signature_counts_for_its_message_and_owner_only(wallet: Wallet) -> None:
    signature = wallet.sign(b"message")
    assert verify(wallet.owner, b"message", signature)
    assert not verify(wallet.owner, b"massage", signature)
    assert not verify(bytes([wallet.owner[0] ^ 1]) + wallet.owner[1:], b"message", signature)
    assert not verify(wallet.owner, b"message", signature[:-1])
    assert not verify(b"", b"message", signature)


def test_the_file_comes_back_as_it_was(wallet: Wallet) -> None:
    again = Wallet.from_jwk(wallet.to_jwk())
    assert again.address == wallet.address
    original = json.loads(WALLET_FILE.read_text())
    assert {k: v for k, v in original.items() if k in wallet.to_jwk()} == wallet.to_jwk()


def test_nothing_shows_the_secret(wallet: Wallet) -> None:
    secret = wallet.to_jwk()["d"]
    assert secret not in repr(wallet)
    assert secret not in str(vars(wallet))


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wallet.json"
    path.write_text(WALLET_FILE.read_text())
    path.chmod(0o640)
    with pytest.raises(WalletError, match="chmod 600"):
        load_wallet(path)
    path.chmod(0o600)
    assert load_wallet(path).address


@pytest.mark.parametrize("change", ["n", "d", "p", "qi"])
def test_a_broken_key_is_refused_without_showing_it(change: str) -> None:
    jwk = json.loads(WALLET_FILE.read_text())
    for broken in ({**jwk, change: jwk["e"]}, {k: v for k, v in jwk.items() if k != change}):
        with pytest.raises(WalletError) as refused:
            Wallet.from_jwk(broken)
        assert jwk["d"] not in str(refused.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"kty": "RSA"}'])
def test_what_is_no_jwk_is_refused(text: str) -> None:
    with pytest.raises(WalletError):
        parse_wallet(text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WalletError, match=r"nowhere\.json"):
        load_wallet(tmp_path / "nowhere.json")

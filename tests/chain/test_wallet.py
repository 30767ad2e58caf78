"""Wallets on disk: btcli's files, readable by their owner only, never overwritten."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import bittensor_core
import pytest

from engram.chain.keyfile import write_keypair
from engram.chain.signatures import verify
from engram.chain.wallet import (
    create_wallet,
    list_wallets,
    load_signer,
    paths_of,
    regenerate_coldkey,
    regenerate_hotkey,
)
from engram.errors import WalletError

PASSWORD = "correct horse"


def test_a_created_hotkey_signs(tmp_path: Path) -> None:
    new = create_wallet("alice", "miner", tmp_path, password=None)
    signer = load_signer("alice/miner", tmp_path)
    assert (signer.hotkey, signer.coldkey) == (new.entry.hotkey, new.entry.coldkey)
    assert verify(signer.public_key, b"m", signer.sign(b"m"))


def test_a_name_alone_means_its_default_hotkey(tmp_path: Path) -> None:
    new = create_wallet("alice", wallet_dir=tmp_path, password=None)
    assert load_signer("alice", tmp_path).hotkey == new.entry.hotkey


def test_only_the_owner_can_read_what_is_written(tmp_path: Path) -> None:
    create_wallet("alice", "miner", tmp_path / "wallets", password=None)
    modes = {
        path.relative_to(tmp_path).as_posix(): stat.S_IMODE(path.stat().st_mode)
        for path in tmp_path.rglob("*")
    }
    assert modes == {
        "wallets": 0o700,
        "wallets/alice": 0o700,
        "wallets/alice/coldkey": 0o600,
        "wallets/alice/coldkeypub.txt": 0o600,
        "wallets/alice/hotkeys": 0o700,
        "wallets/alice/hotkeys/miner": 0o600,
        "wallets/alice/hotkeys/minerpub.txt": 0o600,
    }


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    create_wallet("alice", "miner", tmp_path, password=None)
    before = (tmp_path / "alice/hotkeys/miner").read_bytes()
    with pytest.raises(WalletError, match="never overwritten"):
        create_wallet("alice", "miner", tmp_path, password=None)
    assert (tmp_path / "alice/hotkeys/miner").read_bytes() == before


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    taken = tmp_path / "key"
    taken.write_bytes(b"somebody's")
    with pytest.raises(WalletError, match="never overwritten"):
        write_keypair(taken, bittensor_core.Keypair.create_from_uri("//Alice"))
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    assert taken.read_bytes() == b"somebody's"


def test_a_second_hotkey_shares_the_coldkey(tmp_path: Path) -> None:
    first = create_wallet("alice", "one", tmp_path, password=None)
    second = create_wallet("alice", "two", tmp_path, password=None)
    assert second.coldkey_mnemonic is None
    assert first.entry.coldkey == second.entry.coldkey
    assert first.entry.hotkey != second.entry.hotkey


def test_a_host_with_the_public_coldkey_alone_gets_hotkeys(tmp_path: Path) -> None:
    first = create_wallet("alice", "one", tmp_path, password=None)
    (tmp_path / "alice/coldkey").unlink()
    second = create_wallet("alice", "two", tmp_path, password=None)
    assert second.entry.coldkey == first.entry.coldkey
    assert not second.entry.coldkey_here


def test_a_hotkey_without_its_coldkeys_file_still_signs(tmp_path: Path) -> None:
    create_wallet("alice", "miner", tmp_path, password=None)
    (tmp_path / "alice/coldkey").unlink()
    (tmp_path / "alice/coldkeypub.txt").unlink()
    assert load_signer("alice/miner", tmp_path).coldkey is None


def test_a_password_encrypts_the_coldkey_and_not_the_hotkey(tmp_path: Path) -> None:
    new = create_wallet("alice", "miner", tmp_path, password=PASSWORD)
    assert new.entry.coldkey_encrypted
    coldkey = (tmp_path / "alice/coldkey").read_bytes()
    assert bittensor_core.keyfile_data_is_encrypted(coldkey)
    assert load_signer("alice/miner", tmp_path).hotkey == new.entry.hotkey


def encrypted_hotkey(folder: Path) -> str:
    keypair = bittensor_core.Keypair.create_from_uri("//Alice")
    write_keypair(paths_of("alice", "miner", folder).hotkey, keypair, PASSWORD)
    return str(keypair.ss58_address)


def test_an_encrypted_hotkey_opens_with_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = encrypted_hotkey(tmp_path)
    with pytest.raises(WalletError, match="ENGRAM_HOTKEY_PASSWORD"):
        load_signer("alice/miner", tmp_path)
    with pytest.raises(WalletError, match="password is wrong"):
        load_signer("alice/miner", tmp_path, password="battery staple")
    monkeypatch.setenv("ENGRAM_HOTKEY_PASSWORD", PASSWORD)
    assert load_signer("alice/miner", tmp_path).hotkey == address


def test_wallets_are_listed_by_name(tmp_path: Path) -> None:
    create_wallet("bob", "validator", tmp_path, password=None)
    create_wallet("alice", "two", tmp_path, password=None)
    create_wallet("alice", "one", tmp_path, password=None)
    names = [(entry.name, entry.hotkey_name) for entry in list_wallets(tmp_path)]
    assert names == [("alice", "one"), ("alice", "two"), ("bob", "validator")]


def test_no_folder_is_no_wallet(tmp_path: Path) -> None:
    assert list_wallets(tmp_path / "none") == []


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGRAM_WALLET_DIR", str(tmp_path))
    new = create_wallet("alice", "miner", password=None)
    assert load_signer("alice/miner").hotkey == new.entry.hotkey
    assert (tmp_path / "alice").is_dir()


def test_lost_keys_come_back_from_their_words(tmp_path: Path) -> None:
    new = create_wallet("alice", "miner", tmp_path / "lost", password=None)
    assert new.coldkey_mnemonic is not None
    coldkey = regenerate_coldkey("alice", new.coldkey_mnemonic, tmp_path / "found", password=None)
    hotkey = regenerate_hotkey("alice", "miner", new.hotkey_mnemonic, tmp_path / "found")
    assert (coldkey, hotkey) == (new.entry.coldkey, new.entry.hotkey)
    assert list_wallets(tmp_path / "found") == [new.entry]


def test_words_of_another_key_do_not_replace_it(tmp_path: Path) -> None:
    new = create_wallet("alice", "miner", tmp_path, password=None)
    (tmp_path / "alice/coldkey").unlink()
    with pytest.raises(WalletError, match=r"coldkeypub\.txt says"):
        regenerate_coldkey("alice", new.hotkey_mnemonic, tmp_path, password=None)
    assert not (tmp_path / "alice/coldkey").exists()


def test_words_that_are_no_mnemonic_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WalletError, match="no mnemonic"):
        regenerate_hotkey("alice", "miner", "twelve words that mean nothing", tmp_path)
    assert not list(tmp_path.rglob("miner*"))


def test_nothing_printable_shows_the_words(tmp_path: Path) -> None:
    new = create_wallet("alice", "miner", tmp_path, password=None)
    shown = repr(new) + repr(load_signer("alice/miner", tmp_path))
    assert new.hotkey_mnemonic not in shown
    assert str(new.coldkey_mnemonic) not in shown


@pytest.mark.parametrize("wallet", ["", "/", "a/", "/a", "a/b/c", "../a", "a/..", ".", "a\n/b"])
def test_a_name_cannot_leave_the_folder(wallet: str, tmp_path: Path) -> None:
    with pytest.raises(WalletError, match="NAME/HOTKEY"):
        load_signer(wallet, tmp_path)


def test_a_missing_wallet_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(WalletError, match="engram wallet create alice/miner"):
        load_signer("alice/miner", tmp_path)


@pytest.mark.parametrize("content", [b"", b"{}", b"{", b"\xff\xfe", b"$NACL", b"[1]"])
def test_a_damaged_keyfile_is_told_without_its_content(content: bytes, tmp_path: Path) -> None:
    create_wallet("alice", "miner", tmp_path, password=None)
    path = tmp_path / "alice/hotkeys/miner"
    path.write_bytes(content)
    with pytest.raises(WalletError, match="miner"):
        load_signer("alice/miner", tmp_path, password=PASSWORD)


def test_a_damaged_keyfile_never_shows_its_secret(tmp_path: Path) -> None:
    new = create_wallet("alice", "miner", tmp_path, password=None)
    path = tmp_path / "alice/hotkeys/miner"
    fields = json.loads(path.read_bytes())
    path.write_text(json.dumps(fields)[:-30])
    with pytest.raises(WalletError) as raised:
        load_signer("alice/miner", tmp_path)
    assert new.hotkey_mnemonic not in str(raised.value)
    assert fields["secretSeed"] not in str(raised.value)


def test_an_ed25519_hotkey_is_refused(tmp_path: Path) -> None:
    keypair = bittensor_core.Keypair.create_from_uri("//Alice", bittensor_core.CRYPTO_ED25519)
    write_keypair(paths_of("alice", "miner", tmp_path).hotkey, keypair)
    with pytest.raises(WalletError, match="sr25519"):
        load_signer("alice/miner", tmp_path)

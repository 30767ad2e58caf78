"""The SDK that btcli is part of reads our wallets, and we read its."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engram.chain.wallet import create_wallet, list_wallets, load_signer

bittensor = pytest.importorskip("bittensor", reason="needs the extra engram-network[subtensor]")
PASSWORD = "correct horse"


def test_it_reads_ours(tmp_path: Path) -> None:
    new = create_wallet("alice", "miner", tmp_path, password=PASSWORD)
    theirs = bittensor.Wallet("alice", "miner", str(tmp_path))
    assert theirs.hotkey.ss58_address == new.entry.hotkey
    assert theirs.hotkeypub.ss58_address == new.entry.hotkey
    assert theirs.coldkeypub.ss58_address == new.entry.coldkey
    assert theirs.get_coldkey(PASSWORD).ss58_address == new.entry.coldkey


def test_we_read_its(tmp_path: Path) -> None:
    theirs = bittensor.Wallet("bob", "validator", str(tmp_path))
    theirs.create_new_coldkey(coldkey_password=PASSWORD, suppress=True)
    theirs.create_new_hotkey(use_password=False, suppress=True)
    signer = load_signer("bob/validator", tmp_path)
    assert signer.hotkey == theirs.hotkey.ss58_address
    assert signer.coldkey == theirs.coldkeypub.ss58_address
    assert theirs.hotkey.verify(b"m", signer.sign(b"m"))
    assert [entry.coldkey_encrypted for entry in list_wallets(tmp_path)] == [True]


def test_both_write_the_same_fields(tmp_path: Path) -> None:
    create_wallet("alice", "miner", tmp_path, password=None)
    bittensor.Wallet("bob", "miner", str(tmp_path)).create_new_hotkey(
        use_password=False, suppress=True
    )
    ours, theirs = (
        json.loads((tmp_path / name / "hotkeys/miner").read_bytes()).keys()
        for name in ("alice", "bob")
    )
    assert ours == theirs

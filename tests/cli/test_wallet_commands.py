"""``engram wallet``: keys come into being without a word of theirs on the screen."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import typer

from engram.chain.wallet import list_wallets, load_signer
from engram.cli import terminal
from tests.cli.shell import Ran, Shell

WORDS = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"  # Substrate's own
ROOT_OF_THEM = "5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV"


@pytest.fixture
def wallets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ENGRAM_WALLET_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the person at the terminal types, in order; a password is typed once here."""
    typed: list[str] = []
    monkeypatch.setattr(terminal, "answers", lambda: True)
    monkeypatch.setattr(typer, "prompt", lambda *_words, **_options: typed.pop(0))
    return typed


def create(shell: Shell, *more: str) -> Ran:
    return shell.ok("wallet", "create", "alice/miner", "--no-password", *more)


def test_what_is_created_is_listed_and_signs(shell: Shell, wallets: Path) -> None:
    made = create(shell, "--json").json
    assert shell.ok("wallet", "list", "--json").json == [made]
    assert made["hotkey"] == load_signer("alice/miner", wallets).hotkey
    assert made["coldkey_here"] and not made["coldkey_encrypted"]


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_the_words_show_only_when_asked(shell: Shell, wallets: Path, form: list[str]) -> None:
    silent = create(shell, *form)
    told = shell.ok("wallet", "create", "alice/two", "--no-password", "--show-mnemonic", *form)
    assert "mnemonic:" not in silent.out.lower().replace("_", " ").replace('"', "")
    assert len(silent.out.split()) < len(told.out.split())
    words = told.json["hotkey_mnemonic"] if form else told.out.partition("mnemonic: ")[2]
    keyfile = (wallets / "alice/hotkeys/two").read_text()
    assert words.strip() in keyfile
    secret = (wallets / "alice/hotkeys/miner").read_text().partition('"secretPhrase":"')[2]
    assert secret.partition('"')[0] not in silent.out + silent.err


def test_a_coldkey_gets_the_password_that_was_typed(
    shell: Shell, wallets: Path, answers: list[str]
) -> None:
    answers += ["short", "long enough"]
    ran = shell.ok("wallet", "create", "alice/miner")
    assert "at least 8 characters" in ran.err
    assert "with a password" in ran.out
    assert [entry.coldkey_encrypted for entry in list_wallets(wallets)] == [True]


def test_nobody_to_ask_is_told_the_way_out(shell: Shell, wallets: Path) -> None:
    ran = shell("wallet", "create", "alice/miner")
    assert (ran.code, "--no-password" in ran.err) == (9, True)
    assert not list(wallets.iterdir())


def test_a_hotkey_is_added_without_a_password(shell: Shell, wallets: Path) -> None:
    create(shell)
    assert "hotkey" in shell.ok("wallet", "create", "alice/two").out
    assert "exists and is never overwritten" in shell("wallet", "create", "alice/two").err


def test_a_lost_hotkey_comes_back_from_its_words_on_stdin(
    shell: Shell, wallets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"  {WORDS}\n"))
    assert shell.ok("wallet", "regenerate", "alice/miner").out.strip() == ROOT_OF_THEM


def test_a_lost_coldkey_comes_back_from_words_that_were_typed(
    shell: Shell, wallets: Path, answers: list[str]
) -> None:
    answers += [WORDS, "long enough"]
    ran = shell.ok("wallet", "regenerate", "alice", "--coldkey", "--json")
    assert ran.json == {"coldkey": ROOT_OF_THEM}
    assert WORDS not in ran.out + ran.err


def test_an_empty_folder_says_how_to_fill_it(shell: Shell, wallets: Path) -> None:
    assert "engram wallet create" in shell.ok("wallet", "list").err

"""``engram wallet``: keys for those without btcli, in btcli's files."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from engram.chain.wallet import (
    NewWallet,
    WalletEntry,
    create_wallet,
    has_coldkey,
    list_wallets,
    parse_wallet,
    paths_of,
    regenerate_coldkey,
    regenerate_hotkey,
    wallet_folder,
)
from engram.cli import terminal
from engram.cli.options import Json
from engram.cli.output import note, print_json, say
from engram.errors import WalletError

app = typer.Typer(
    help="Create or list the keys that a neuron signs with.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
)

SHORTEST_PASSWORD = 8  # characters, as btcli asks for

Wallet = Annotated[
    str, typer.Argument(metavar="NAME[/HOTKEY]", help="the hotkey is 'default' unless named")
]
WalletDir = Annotated[
    Path | None,
    typer.Option(
        "--wallet-dir", help="folder of the wallets; default: ENGRAM_WALLET_DIR, or btcli's"
    ),
]
NoPassword = Annotated[
    bool,
    typer.Option("--no-password", help="leave the coldkey open; for local networks and test keys"),
]


@app.command()
def create(
    wallet: Wallet,
    wallet_dir: WalletDir = None,
    no_password: NoPassword = False,
    show_mnemonic: Annotated[
        bool,
        typer.Option("--show-mnemonic", help="print the words from which the keys can be restored"),
    ] = False,
    json_: Json = False,
) -> None:
    """Create a hotkey, and the wallet's coldkey if it has none.

    The coldkey gets a password. btcli reads the same files.

    \b
    Examples:
      engram wallet create alice/miner
      engram wallet create alice/miner --show-mnemonic
      engram wallet create test/miner --no-password --json
    """
    name, hotkey = parse_wallet(wallet)
    paths = paths_of(name, hotkey, wallet_dir)
    ask = not no_password and not has_coldkey(paths) and not paths.hotkey.exists()
    password = _new_password() if ask else None
    new = create_wallet(name, hotkey, wallet_dir, password=password)
    if json_:
        print_json(_body(new.entry) | (_words(new) if show_mnemonic else {}))
    else:
        _tell(new, show_mnemonic)


@app.command("list")
def list_(wallet_dir: WalletDir = None, json_: Json = False) -> None:
    """List the hotkeys on this machine, and their coldkeys.

    \b
    Examples:
      engram wallet list
      engram wallet list --json
    """
    found = list_wallets(wallet_dir)
    if json_:
        print_json([_body(entry) for entry in found])
        return
    for entry in found:
        say(f"{entry.name}/{entry.hotkey_name}")
        say(f"  hotkey   {entry.hotkey}")
        say(f"  coldkey  {entry.coldkey or 'unknown'} ({_where(entry)})")
    if not found:
        note(f"There is no wallet in {wallet_folder(wallet_dir)}: engram wallet create NAME/HOTKEY")


@app.command()
def regenerate(
    wallet: Wallet,
    coldkey: Annotated[
        bool, typer.Option("--coldkey", help="the words are the coldkey's, not the hotkey's")
    ] = False,
    wallet_dir: WalletDir = None,
    no_password: NoPassword = False,
    json_: Json = False,
) -> None:
    """Restore a lost key from its words.

    The words are asked for, or read from stdin; they are not an option, because those stay in
    the shell's history.

    \b
    Examples:
      engram wallet regenerate alice/miner
      engram wallet regenerate alice --coldkey
      engram wallet regenerate alice/miner < words.txt
    """
    name, hotkey = parse_wallet(wallet)
    words = _mnemonic()
    if coldkey:
        password = None if no_password else _new_password()
        address = regenerate_coldkey(name, words, wallet_dir, password=password)
    else:
        address = regenerate_hotkey(name, hotkey, words, wallet_dir)
    if json_:
        print_json({"coldkey" if coldkey else "hotkey": address})
    else:
        say(address)


def _new_password() -> str:
    if not terminal.answers():
        raise WalletError(
            "a coldkey needs a password and nobody can be asked here; "
            "--no-password leaves it open, for local networks"
        )
    note("The coldkey owns what is staked; its password cannot be recovered.", style=None)
    while True:
        password = str(
            typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        )
        if len(password) >= SHORTEST_PASSWORD:
            return password
        note(f"It needs at least {SHORTEST_PASSWORD} characters.")


def _mnemonic() -> str:
    if terminal.answers():
        text = str(typer.prompt("Words of the mnemonic", hide_input=True, err=True))
    else:
        text = sys.stdin.read()
    return " ".join(text.split())


def _tell(new: NewWallet, show_mnemonic: bool) -> None:
    say(f"hotkey   {new.entry.hotkey}")
    say(f"coldkey  {new.entry.coldkey or 'unknown'} ({_where(new.entry)})")
    words = _words(new)
    if show_mnemonic:
        for key, mnemonic in words.items():
            say(f"{key.replace('_', ' ')}: {mnemonic}")
        note("Whoever has these words has the keys. Keep them on paper.")
    else:
        note("The words to restore them are in the key files, and are shown by --show-mnemonic.")


def _words(new: NewWallet) -> dict[str, str]:
    words = {"hotkey_mnemonic": new.hotkey_mnemonic, "coldkey_mnemonic": new.coldkey_mnemonic}
    return {key: mnemonic for key, mnemonic in words.items() if mnemonic is not None}


def _body(entry: WalletEntry) -> dict[str, Any]:
    return asdict(entry)


def _where(entry: WalletEntry) -> str:
    if not entry.coldkey_here:
        return "its secret is elsewhere"
    return "here, with a password" if entry.coldkey_encrypted else "here, without a password"

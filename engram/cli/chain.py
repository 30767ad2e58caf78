"""``engram chain``: a dev chain in the operator's hands, and a look at any chain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from engram.chain import DEV_SCHEME, dev_path, open_chain
from engram.chain.dev import DevChain, DevOperator, Fault, Rules
from engram.chain.dev import create as create_chain
from engram.chain.interface import Receipt
from engram.chain.wallet import load_signer
from engram.cli import chain_words
from engram.cli.options import Json, settings
from engram.cli.output import print_json, say
from engram.config import MinerSettings
from engram.errors import ChainRejected, InvalidInput

app = typer.Typer(
    help="Make and run a dev chain: a subnet on one machine.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
)

Location = Annotated[
    str | None,
    typer.Option("--chain", metavar="dev:PATH", help="the ledger's file; default: ENGRAM_CHAIN"),
]
Netuid = Annotated[
    int | None, typer.Option("--netuid", help="subnet; default: ENGRAM_NETUID, or 1")
]
Wallet = Annotated[
    str | None,
    typer.Option("--wallet", metavar="NAME/HOTKEY", help="who acts; default: ENGRAM_WALLET"),
]
WalletDir = Annotated[
    Path | None,
    typer.Option("--wallet-dir", help="folder of the wallets; default: ENGRAM_WALLET_DIR"),
]


@app.command()
def create(
    chain: Location = None,
    netuid: Netuid = None,
    block_time: Annotated[
        float, typer.Option("--block-time", help="seconds; 0: only `engram chain advance`")
    ] = 12.0,
    rule: Annotated[
        list[str] | None,
        typer.Option("--rule", metavar="NAME=VALUE", help="any of the rules in docs/chain.md"),
    ] = None,
    json_: Json = False,
) -> None:
    """Make a dev chain with one subnet.

    \b
    Examples:
      engram chain create --chain dev:./chain.sqlite
      engram chain create --chain dev:./chain.sqlite --block-time 1 --rule tempo=20
    """
    location = _location(chain)
    subnet = _subnet(netuid)
    rules = Rules().changed(**_pairs(rule or []))
    create_chain(dev_path(location), block_time_s=block_time, subnet_rules={subnet: rules})
    with _operator(location) as operator:
        if json_:
            print_json(chain_words.dev_body(operator, subnet))
        else:
            chain_words.tell_dev(location, operator, subnet)


@app.command()
def status(chain: Location = None, netuid: Netuid = None, json_: Json = False) -> None:
    """Show a chain's last block, its rules and every neuron.

    \b
    Examples:
      engram chain status --chain dev:./chain.sqlite
      engram chain status --chain finney --netuid 1 --json
    """
    location, subnet = _location(chain), _subnet(netuid)
    opened = open_chain(location)
    try:
        snapshot = opened.snapshot(subnet)
        rules = opened.hyperparameters(subnet)
    finally:
        opened.close()
    body = chain_words.status_body(opened, location, snapshot, rules)
    if not location.startswith(DEV_SCHEME):
        print_json(body) if json_ else chain_words.tell_neurons(opened.name, snapshot)
        return
    with _operator(location) as operator:
        if json_:
            print_json(body | {"dev": chain_words.dev_body(operator, subnet)})
            return
        chain_words.tell_dev(location, operator, subnet)
    chain_words.tell_neurons(opened.name, snapshot)


@app.command()
def register(
    wallet: Wallet = None,
    chain: Location = None,
    netuid: Netuid = None,
    wallet_dir: WalletDir = None,
    json_: Json = False,
) -> None:
    """Give a hotkey a UID. When the subnet is full, the neuron that earned least goes.

    \b
    Examples:
      engram chain register --wallet alice/miner --chain dev:./chain.sqlite
    """
    with _acting(chain, wallet, wallet_dir) as opened:
        _tell_receipt(opened.register(netuid=_subnet(netuid)), json_)


@app.command()
def stake(
    amount: Annotated[float, typer.Argument(help="from the coldkey's balance")],
    wallet: Wallet = None,
    chain: Location = None,
    netuid: Netuid = None,
    wallet_dir: WalletDir = None,
    json_: Json = False,
) -> None:
    """Stake on a hotkey. The highest stakes get a validator permit at the next epoch.

    \b
    Examples:
      engram chain faucet --wallet alice/validator --chain dev:./chain.sqlite
      engram chain stake 1000 --wallet alice/validator --chain dev:./chain.sqlite
    """
    with _acting(chain, wallet, wallet_dir) as opened:
        _tell_receipt(opened.add_stake(amount, netuid=_subnet(netuid)), json_)


@app.command()
def faucet(
    address: Annotated[
        str | None, typer.Argument(metavar="ADDRESS", help="SS58; default: the wallet's coldkey")
    ] = None,
    amount: Annotated[float, typer.Option("--amount", help="how much to mint")] = 1000.0,
    wallet: Wallet = None,
    chain: Location = None,
    wallet_dir: WalletDir = None,
    json_: Json = False,
) -> None:
    """Mint coins of the dev chain. They are worth nothing anywhere else.

    \b
    Examples:
      engram chain faucet --wallet alice/validator --chain dev:./chain.sqlite
      engram chain faucet 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY --amount 5
    """
    to = address or _owner(wallet, wallet_dir)
    with _operator(_location(chain)) as operator:
        balance = operator.faucet(to, amount)
    if json_:
        print_json(chain_words.LABEL | {"address": to, "balance": balance})
    else:
        say(f"dev chain: {to} has {balance:,.9g}")


@app.command()
def advance(
    blocks: Annotated[int, typer.Argument(help="how many blocks to make now")] = 1,
    chain: Location = None,
    json_: Json = False,
) -> None:
    """Make blocks now, whatever the clock says, with the epochs among them.

    \b
    Examples:
      engram chain advance 10 --chain dev:./chain.sqlite
    """
    with _operator(_location(chain)) as operator:
        head = operator.advance(blocks)
    if json_:
        print_json(chain_words.LABEL | chain_words.block_body(head))
    else:
        say(f"dev chain: block {head.number} {head.hash.hex()}")


@app.command()
def history(
    limit: Annotated[int, typer.Option("--limit", min=1, help="how many events")] = 20,
    kind: Annotated[
        str | None, typer.Option("--kind", help="only these: epoch, weights, registered, ...")
    ] = None,
    chain: Location = None,
    json_: Json = False,
) -> None:
    """Show what happened on a dev chain, the newest last.

    \b
    Examples:
      engram chain history --chain dev:./chain.sqlite
      engram chain history --kind weights --limit 5 --json
    """
    with _operator(_location(chain)) as operator:
        events = operator.history(limit, kind)
    if json_:
        print_json(chain_words.LABEL | {"events": [asdict(event) for event in events]})
    else:
        chain_words.tell_events(events)


@app.command()
def rules(
    change: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE", help="rules to change")
    ] = None,
    chain: Location = None,
    netuid: Netuid = None,
    json_: Json = False,
) -> None:
    """Show a dev chain's rules, or change some from now on.

    \b
    Examples:
      engram chain rules --chain dev:./chain.sqlite
      engram chain rules tempo=20 commit_reveal=true
    """
    subnet = _subnet(netuid)
    with _operator(_location(chain)) as operator:
        found = operator.rules(subnet)
        if change:
            found = operator.change_rules(subnet, **_pairs(change))
    if json_:
        print_json(chain_words.LABEL | {"netuid": subnet, "rules": asdict(found)})
        return
    say(f"dev chain: the rules of subnet {subnet}", style="bold")
    for name, value in asdict(found).items():
        say(f"  {name:<26}{value}")


@app.command()
def fault(
    kind: Annotated[str, typer.Argument(help="down, frozen, slow, rejecting or none")],
    seconds: Annotated[float, typer.Option("--seconds", help="by how much slow slows")] = 2.0,
    chain: Location = None,
    json_: Json = False,
) -> None:
    """Break a dev chain for every process that uses it, or mend it (none). For tests.

    \b
    Examples:
      engram chain fault frozen --chain dev:./chain.sqlite
      engram chain fault slow --seconds 5
      engram chain fault none
    """
    wanted = _fault(kind)
    with _operator(_location(chain)) as operator:
        if wanted is None:
            operator.switch_off()
        else:
            operator.switch_on(wanted, seconds)
        on = {one.value: length for one, length in operator.faults().items()}
    if json_:
        print_json(chain_words.LABEL | {"faults": on})
    else:
        say(f"dev chain: {', '.join(on) or 'no fault'} is on")


def _fault(kind: str) -> Fault | None:
    if kind == "none":
        return None
    if kind not in list(Fault):
        raise InvalidInput(f"a fault is {', '.join(Fault)} or none, not {kind!r}")
    return Fault(kind)


def _tell_receipt(receipt: Receipt, as_json: bool) -> None:
    """Raises ChainRejected with what the chain said, if it refused."""
    if not receipt.ok:
        wait = receipt.retry_after_blocks
        later = f"; try again in {wait} blocks" if wait else ""
        raise ChainRejected(f"dev chain: {receipt.message}{later}")
    if as_json:
        print_json(chain_words.LABEL | asdict(receipt))
    else:
        say(f"dev chain: {receipt.message}")


@contextmanager
def _acting(chain: str | None, wallet: str | None, wallet_dir: Path | None) -> Iterator[DevChain]:
    opened = DevChain(_dev_path(_location(chain)), load_signer(_wallet(wallet), wallet_dir))
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def _operator(location: str) -> Iterator[DevOperator]:
    operator = DevOperator(_dev_path(location))
    try:
        yield operator
    finally:
        operator.close()


def _dev_path(location: str) -> Path:
    if not location.startswith(DEV_SCHEME):
        raise InvalidInput(
            f"this works on a dev chain (--chain dev:PATH) only, not on {location}; "
            "there, use btcli: btcli subnets register, btcli stake add"
        )
    return dev_path(location)


def _location(given: str | None) -> str:
    location = settings(MinerSettings, chain=given).chain
    if location == "none":
        raise InvalidInput("which chain? --chain dev:PATH, or set ENGRAM_CHAIN")
    return location


def _subnet(given: int | None) -> int:
    return settings(MinerSettings, netuid=given).netuid


def _wallet(given: str | None) -> str:
    wallet = settings(MinerSettings, wallet=given).wallet
    if wallet is None:
        raise InvalidInput("who acts? --wallet NAME/HOTKEY, or set ENGRAM_WALLET")
    return wallet


def _owner(wallet: str | None, wallet_dir: Path | None) -> str:
    signer = load_signer(_wallet(wallet), wallet_dir)
    return signer.coldkey or signer.hotkey


def _pairs(given: list[str]) -> dict[str, Any]:
    pairs = [one.partition("=") for one in given]
    for (name, equals, _), text in zip(pairs, given, strict=True):
        if not equals or not name.isidentifier():
            raise InvalidInput(f"a rule is NAME=VALUE, such as tempo=20, not {text!r}")
    return {name: value for name, _, value in pairs}

"""``engram chain``: a subnet made, run, broken and mended from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from engram.chain.wallet import create_wallet
from tests.cli.shell import Shell

LABELLED = [
    ("status",),
    ("register", "--wallet", "ann/miner"),
    ("faucet", "--wallet", "ann/miner"),
    ("stake", "0", "--wallet", "ann/miner"),
    ("advance", "1"),
    ("history",),
    ("rules",),
    ("fault", "none"),
]


@pytest.fixture
def at_chain(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """The command line with a wallet and a dev chain whose blocks are made by hand."""
    monkeypatch.setenv("ENGRAM_WALLET_DIR", str(tmp_path / "wallets"))
    monkeypatch.setenv("ENGRAM_CHAIN", f"dev:{tmp_path / 'chain.sqlite'}")
    create_wallet("ann", "miner", password=None)
    create_wallet("ann", "validator", password=None)
    shell.ok("chain", "create", "--block-time", 0, "--rule", "tempo=9")
    return shell


def test_from_nothing_to_a_validator_with_a_permit(at_chain: Shell) -> None:
    at_chain.ok("chain", "register", "--wallet", "ann/miner")
    at_chain.ok("chain", "register", "--wallet", "ann/validator")
    at_chain.ok("chain", "faucet", "--wallet", "ann/validator", "--amount", 50)
    at_chain.ok("chain", "stake", 20, "--wallet", "ann/validator")
    assert at_chain.ok("chain", "advance", 10, "--json").json["block"] == 10
    body = at_chain.ok("chain", "status", "--json").json
    miner, validator = body["neurons"]
    assert (miner["validator_permit"], validator["validator_permit"]) == (False, True)
    assert validator["stake"] == 20 + 8  # the epoch in block 8 paid all of its coins to stake
    assert body["dev"]["totals"] == {"minted": 50, "emitted": 8, "recycled": 0}
    assert (body["dev"]["next_epoch"], body["hyperparameters"]["tempo"]) == (18, 9)


@pytest.mark.parametrize("command", LABELLED, ids=" ".join)
def test_everything_says_that_it_is_a_dev_chain(at_chain: Shell, command: tuple[str, ...]) -> None:
    at_chain.ok("chain", "register", "--wallet", "ann/miner")
    assert "dev chain" in at_chain.ok("chain", *command).out
    body = at_chain.ok("chain", *command, "--json").json
    assert (body["chain"], body["public"]) == ("dev chain", False)


def test_the_table_has_a_line_for_each_neuron(at_chain: Shell) -> None:
    at_chain.ok("chain", "register", "--wallet", "ann/miner")
    at_chain.ok("chain", "advance")
    text = at_chain.ok("chain", "status").out
    assert "UID  hotkey" in text
    assert any(line.split()[0] == "0" for line in text.splitlines())


def test_history_tells_what_happened_and_to_whom(at_chain: Shell) -> None:
    at_chain.ok("chain", "register", "--wallet", "ann/miner")
    at_chain.ok("chain", "advance", 8)
    assert [e["kind"] for e in at_chain.ok("chain", "history", "--json").json["events"]] == [
        "registered",
        "epoch",
    ]
    assert "uid 0" in at_chain.ok("chain", "history", "--kind", "registered").out


def test_a_refusal_is_an_error_with_the_way_out(at_chain: Shell) -> None:
    at_chain.ok("chain", "register", "--wallet", "ann/miner")
    ran = at_chain("chain", "stake", 5, "--wallet", "ann/miner")
    assert ran.code == 9
    assert "engram chain faucet" in ran.err
    ran = at_chain("chain", "stake", 5, "--wallet", "ann/validator", "--json")
    assert ran.json["code"] == "chain_rejected"
    assert "engram chain register" in ran.json["error"]


def test_rules_are_changed_from_now_on(at_chain: Shell) -> None:
    at_chain.ok("chain", "rules", "weights_version=4", "commit_reveal=on")
    rules = at_chain.ok("chain", "rules", "--json").json["rules"]
    assert (rules["weights_version"], rules["commit_reveal"], rules["tempo"]) == (4, True, 9)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("rules", "tempo=soon"), "tempo is a number"),
        (("rules", "pace=3"), "there is no rule 'pace'"),
        (("rules", "tempo"), "NAME=VALUE"),
        (("fault", "tired"), "down, frozen, slow, rejecting or none"),
        (("advance", "0"), "1 to 100,000 blocks"),
        (("faucet", "me"), "no SS58 address"),
        (("register", "--chain", "finney"), "btcli"),
        (("register", "--wallet", "bob/none"), "engram wallet create bob/none"),
        (("register",), "--wallet NAME/HOTKEY"),
        (("create",), "exists"),
        (("status", "--netuid", "9"), "no subnet 9"),
    ],
    ids=str,
)
def test_a_mistake_is_told(at_chain: Shell, arguments: tuple[str, ...], says: str) -> None:
    ran = at_chain("chain", *arguments)
    assert ran.code != 0
    assert says in ran.err


def test_a_missing_chain_names_the_command_that_makes_one(shell: Shell, tmp_path: Path) -> None:
    ran = shell("chain", "status", "--chain", f"dev:{tmp_path / 'none'}")
    assert ran.code == 5
    assert "engram chain create --chain dev:" in ran.err
    assert "--chain" in shell("chain", "status").err


def test_a_fault_is_met_by_other_commands_and_lifted(at_chain: Shell) -> None:
    at_chain.ok("chain", "fault", "down")
    ran = at_chain("chain", "status")
    assert ran.code == 5
    assert "engram chain fault" in ran.err
    at_chain.ok("chain", "fault", "none")
    at_chain.ok("chain", "status")

"""doctor looks at a miner's place on a chain: wallet, chain, registration, address."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from engram.chain.dev import DevChain
from engram.chain.interface import Axon
from engram.chain.wallet import create_wallet, load_signer
from tests.chain.worlds import NETUID, World, dev_world
from tests.cli.shell import Shell

WALLET = "alice/miner"
PORT = 8091


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A dev chain, and a wallet that is not registered on it."""
    monkeypatch.setenv("ENGRAM_WALLET_DIR", str(tmp_path / "wallets"))
    monkeypatch.setattr("engram.cli.doctor.checks.model", lambda _: iter(()))  # takes a second
    create_wallet("alice", "miner", password=None)
    with dev_world(tmp_path) as world:
        yield world


@pytest.fixture
def registered(world: World) -> Iterator[DevChain]:
    """The same with a UID; what it signs for."""
    chain = DevChain(world.path, load_signer(WALLET))
    assert chain.register(netuid=NETUID).ok
    world.advance()
    yield chain
    chain.close()


@pytest.fixture
def elsewhere() -> Iterator[Axon]:
    """Where another node answers."""

    class Alive(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Alive) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield Axon("127.0.0.1", server.server_port)
        server.shutdown()
        thread.join()


def looked(shell: Shell, world: World, *options: object) -> dict[str, tuple[str, str]]:
    """Of each check on the chain its state, and what it says."""
    chain = ("--chain", f"dev:{world.path}", "--wallet", WALLET)
    ran = shell("doctor", "--json", "--port", PORT, *chain, *options)
    return {
        check["name"]: (check["state"], f"{check['detail']} {check['remedy']}")
        for check in ran.json["checks"]
        if check["name"] in {"wallet", "chain", "uid", "axon"}
    }


def announce(world: World, chain: DevChain, axon: Axon) -> None:
    assert chain.serve_axon(axon, netuid=NETUID).ok
    world.advance()


def test_a_miner_that_may_start(shell: Shell, world: World, registered: DevChain) -> None:
    found = looked(shell, world)
    assert {name: state for name, (state, _) in found.items()} == {
        "wallet": "ok",
        "chain": "ok",
        "uid": "ok",
        "axon": "ok",
    }
    assert "UID 0 of subnet 1" in found["uid"][1]
    assert "dev chain answers" in found["chain"][1]


def test_without_a_chain_nothing_is_said_of_it(shell: Shell, world: World) -> None:
    names = [check["name"] for check in shell("doctor", "--json", "--port", PORT).json["checks"]]
    assert "port" in names
    assert not {"wallet", "chain", "uid", "axon"} & set(names)


def test_a_wallet_that_is_not_there(shell: Shell, world: World) -> None:
    state, said = looked(shell, world, "--wallet", "bob/miner")["wallet"]
    assert state == "fail"
    assert "engram wallet create bob/miner" in said


def test_a_hotkey_that_is_not_registered(shell: Shell, world: World) -> None:
    state, said = looked(shell, world)["uid"]
    assert state == "warn"
    assert "engram chain register" in said


def test_a_chain_that_is_down(shell: Shell, world: World) -> None:
    world.down()
    found = looked(shell, world)
    assert found["chain"][0] == "warn"
    assert "uid" not in found


def test_two_miners_with_one_hotkey(
    shell: Shell, world: World, registered: DevChain, elsewhere: Axon
) -> None:
    announce(world, registered, elsewhere)
    state, said = looked(shell, world)["axon"]
    assert state == "warn"
    assert elsewhere.url in said
    assert "Two miners" in said


def test_an_announced_address_that_answers(
    shell: Shell, world: World, registered: DevChain, elsewhere: Axon
) -> None:
    announce(world, registered, elsewhere)
    state, said = looked(shell, world, "--external-port", elsewhere.port)["axon"]
    assert (state, "answers" in said) == ("ok", True)


def test_an_announced_address_that_does_not(
    shell: Shell, world: World, registered: DevChain
) -> None:
    announce(world, registered, Axon("127.0.0.1", 9))
    state, said = looked(shell, world, "--external-port", 9)["axon"]
    assert (state, "firewall" in said) == ("warn", True)
    assert looked(shell, world)["axon"][0] == "ok"  # ours will take its place


def test_no_address_to_announce(shell: Shell, world: World, registered: DevChain) -> None:
    state, said = looked(shell, world, "--host", "0.0.0.0")["axon"]
    assert (state, "--external-ip" in said) == ("warn", True)


def test_on_a_public_chain_private_addresses_and_coldkeys_are_warned_of(
    shell: Shell, world: World, registered: DevChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DevChain, "is_public", True)
    found = looked(shell, world)
    assert found["wallet"][0] == "warn"
    assert "coldkey" in found["wallet"][1]
    assert "private address" in found["axon"][1]


def test_an_external_address_is_a_number(shell: Shell, world: World) -> None:
    ran = shell("doctor", "--external-ip", "miner.example.org")
    assert ran.code == 2
    assert "--external-ip" in ran.err

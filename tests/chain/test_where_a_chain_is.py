"""Locations of chains, and the package that only one kind of them needs."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest

from engram.chain import open_chain
from engram.chain.subtensor import is_subtensor
from engram.errors import ChainRejected, InvalidInput


@pytest.mark.parametrize(
    "location", ["finney", "test", "ws://127.0.0.1:9944", "wss://node.example"]
)
def test_networks_and_nodes_are_subtensors(location: str) -> None:
    assert is_subtensor(location)
    pytest.importorskip("bittensor", reason="needs the extra engram-network[subtensor]")
    chain = open_chain(location)  # which dials nothing
    assert chain.is_public
    chain.close()


@pytest.mark.parametrize(
    "location", ["", "mainnet", "http://node", "ws://", "ws://:9944", "wss://node:port", "dev:"]
)
def test_anything_else_is_refused_with_what_there_is(location: str) -> None:
    with pytest.raises(InvalidInput):
        open_chain(location)


@pytest.mark.parametrize("url", ["wss://me:secret@node.example:443/secret?key=secret"])
def test_a_providers_key_is_not_shown(url: str) -> None:
    pytest.importorskip("bittensor", reason="needs the extra engram-network[subtensor]")
    chain = open_chain(url)
    assert chain.name == "wss://node.example:443"
    chain.close()


def test_a_missing_sdk_is_named_with_the_way_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(_name: str) -> str:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "version", version)
    with pytest.raises(ChainRejected, match=r"pip install 'engram-network\[subtensor\]'"):
        open_chain("finney")


@pytest.mark.parametrize("version", ["10.5.0", "11.2.9", "12.0.0"])
def test_an_sdk_of_another_line_is_refused(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda _name: version)
    with pytest.raises(ChainRejected, match=version):
        open_chain("finney")


def test_the_sdk_is_imported_only_when_it_is_used() -> None:
    program = (
        "import sys; from engram.chain import open_chain; import engram.chain.subtensor\n"
        "assert 'bittensor' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)

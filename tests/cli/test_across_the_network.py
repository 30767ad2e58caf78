"""query, get, list, verify and ingest over a whole network, and which network is meant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engram.chain.interface import Axon
from engram.cli import target
from engram.cli.network.plan import PLACEMENT_BLOCKS
from tests.chain.worlds import NETUID, World, dev_world
from tests.cli.shell import Ran, Shell
from tests.miner.harness import Served
from tests.sdk.network.three_miners import spread, three_miners

NAMES = ("one", "two", "three")
EVERY = 10
NOBODY = 9  # the port of nobody


@dataclass
class Subnet:
    """Three miners that a dev chain lists."""

    shell: Shell
    world: World
    miners: list[Served]

    @property
    def chain(self) -> str:
        return f"dev:{self.world.path}"

    def moves(self, name: str, port: int) -> None:
        """A miner announces another port, and a placement later everybody knows."""
        self.world.ledger(name).serve_axon(Axon("127.0.0.1", port), netuid=NETUID)
        self.world.advance(2 * EVERY)

    def __call__(self, *arguments: object) -> Ran:
        return self.shell(*arguments, "--chain", self.chain, "--netuid", NETUID)

    def ok(self, *arguments: object) -> Ran:
        return self.shell.ok(*arguments, "--chain", self.chain, "--netuid", NETUID)


@pytest.fixture
def subnet(tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[Subnet]:
    monkeypatch.setenv("ENGRAM_PLACEMENT_BLOCKS", str(EVERY))
    monkeypatch.setenv("ENGRAM_QUERY_DEADLINE_S", "30")
    with dev_world(tmp_path) as world, three_miners() as miners:
        world.register(*NAMES)
        for name, miner in zip(NAMES, miners, strict=True):
            world.ledger(name).serve_axon(Axon("127.0.0.1", miner.port), netuid=NETUID)
        world.advance(3 * EVERY)
        yield Subnet(shell, world, miners)


def test_stored_found_fetched_listed_and_checked(subnet: Subnet) -> None:
    cid = subnet.ok("ingest", "oak", "--meta", "page:=3", "--embed", "remote").out.strip()
    spread(subnet.miners)
    found = subnet.ok("query", "oak", "--verify", "--embed", "remote").out
    assert cid in found and "unconfirmed" not in found and "verified" in found
    assert "1 result in" in found and "from 3 miners: nothing is missing" in found
    assert "oak" in subnet.ok("get", cid).out
    assert cid in subnet.ok("list", "--where", '{"page": 3}').out
    checked = subnet.ok("verify", cid, "--embed", "remote").out
    assert checked.count("the bytes hash to this CID") == 4


def test_json_is_the_whole_answer(subnet: Subnet) -> None:
    stored = subnet.ok("ingest", "oak", "--embed", "remote", "--json").json
    spread(subnet.miners)
    found = subnet.ok("query", "oak", "--embed", "remote", "--json").json
    assert (found["complete"], found["asked"], found["answered"]) == (True, 3, 3)
    assert (found["missing_fraction"], found["silent"], found["error"]) == (0, [], None)
    [hit] = found["results"]
    assert (hit["cid"], hit["confirmed"], len(hit["holders"])) == (stored["cid"], True, 3)
    record = subnet.ok("get", stored["cid"], "--json").json
    assert record["metadata"] == {"text": "oak"}
    page = subnet.ok("list", "--limit", "1", "--json").json
    assert [one["cid"] for one in page["records"]] == [stored["cid"]]
    verdict = subnet.ok("verify", stored["cid"], "--embed", "remote", "--json").json
    assert (verdict["ok"], verdict["intact"], len(verdict["holders"])) == (True, 3, 3)


def test_who_did_not_answer_and_what_nobody_confirms_is_said(subnet: Subnet) -> None:
    cid = subnet.ok("ingest", "oak", "--embed", "remote").out.strip()
    for name, miner in zip(NAMES, subnet.miners, strict=True):
        if cid not in miner.store.records:
            subnet.moves(name, NOBODY)
    ran = subnet("query", "oak", "--embed", "remote")
    assert ran.code == 0
    assert f"{cid}  unconfirmed" in ran.out
    assert "1 of 3 miners: nothing is missing" in ran.out
    assert ran.err.count("no answer from miner") == 2


def test_a_file_goes_to_the_network(subnet: Subnet, tmp_path: Path) -> None:
    file = tmp_path / "many.jsonl"
    file.write_text("\n".join(json.dumps({"text": f"note {n}"}) for n in range(30)))
    said = subnet.ok("ingest", "--file", file, "--embed", "remote", "--json").json
    assert (said["stored"], said["failed"]) == (30, 0)


def test_a_record_that_nobody_has_is_not_found(subnet: Subnet) -> None:
    assert subnet("get", "v1::" + "0" * 64).code == 4


def test_verify_of_a_search_needs_a_network(shell: Shell) -> None:
    assert shell("query", "oak", "--verify").code == 2


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.chdir(tmp_path)
    for name in ("URL", "CHAIN", "NETUID", "PLACEMENT_BLOCKS"):
        monkeypatch.delenv(f"ENGRAM_{name}", raising=False)
    return monkeypatch


def test_without_anything_it_is_the_node_of_this_machine(nowhere: pytest.MonkeyPatch) -> None:
    assert target.network_of(None, None, None) is None


def test_a_chain_means_its_whole_subnet(nowhere: pytest.MonkeyPatch) -> None:
    given = target.network_of(None, "finney", 42)
    assert given is not None
    assert (given.chain, given.netuid, given.placement_blocks) == ("finney", 42, 100)
    assert given.is_public and given.cache is not None and given.cache.name == "finney-42"
    nowhere.setenv("ENGRAM_CHAIN", "dev:x.sqlite")
    nowhere.setenv("ENGRAM_PLACEMENT_BLOCKS", "7")
    set_ = target.network_of(None, None, None)
    assert set_ is not None
    assert (set_.chain, set_.netuid, set_.placement_blocks) == ("dev:x.sqlite", 1, 7)
    assert not set_.is_public and set_.cache is None


def test_a_url_means_one_node_and_an_option_wins_over_the_environment(
    nowhere: pytest.MonkeyPatch,
) -> None:
    assert target.network_of("http://node:1", "finney", None) is None
    nowhere.setenv("ENGRAM_CHAIN", "finney")
    assert target.network_of("http://node:1", None, None) is None
    nowhere.setenv("ENGRAM_URL", "http://node:1")
    assert target.network_of(None, None, None) is None
    assert target.network_of(None, "test", None) is not None
    assert target.network_of(None, "none", None) is None


def test_a_network_that_runs_here_is_searched_as_a_whole(nowhere: pytest.MonkeyPatch) -> None:
    nowhere.setattr(target, "runs_in", lambda folder: folder == Path(".engram"))
    found = target.network_of(None, None, None)
    assert found is not None
    assert found.chain == "dev:.engram/chain.sqlite"
    assert found.placement_blocks == PLACEMENT_BLOCKS
    assert target.network_of("http://node:1", None, None) is None

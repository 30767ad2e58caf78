"""The ledger's file is not there, is held by another, is no ledger, or becomes another one."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from engram.chain import dev_path, open_chain
from engram.chain.dev import DevChain, DevOperator, Rules, create
from engram.errors import ChainRejected, ChainUnavailable, InvalidInput
from tests.chain.worlds import World, signer


def test_a_missing_ledger_is_unavailable_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "none.sqlite"
    chain = DevChain(path)
    with pytest.raises(ChainUnavailable, match="engram chain create --chain dev:"):
        chain.connect()
    assert not path.exists()
    create(path)
    chain.connect()
    chain.close()


def test_a_ledger_that_vanishes_is_unavailable_until_it_is_back(dev: World) -> None:
    chain = dev.open()
    genesis = chain.block()
    away = dev.path.with_name("away")
    dev.path.rename(away)
    with pytest.raises(ChainUnavailable):
        chain.block()
    away.rename(dev.path)
    assert chain.block() == genesis


def test_a_ledger_replaced_by_another_is_opened_anew(dev: World) -> None:
    chain = dev.open()
    before = chain.block()
    create(dev.path.with_name("other.sqlite"), block_time_s=0)
    dev.path.with_name("other.sqlite").rename(dev.path)
    for suffix in ("-wal", "-shm"):
        dev.path.with_name(dev.path.name + suffix).unlink(missing_ok=True)
    assert chain.block().number == before.number
    assert chain.block().hash != before.hash


def test_a_write_waits_for_another_writer_only_until_its_deadline(dev: World) -> None:
    dev.register("ann")
    holder = sqlite3.connect(dev.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    chain = DevChain(dev.path, signer("ben"), deadline_s=0.2)
    with pytest.raises(ChainUnavailable, match="another process holds"):
        chain.register(netuid=dev.netuid)
    assert chain.block().number == 0  # reading never waits
    holder.execute("ROLLBACK")
    holder.close()
    assert chain.register(netuid=dev.netuid).ok
    chain.close()


def test_a_file_that_is_no_ledger_is_told(tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    text = tmp_path / "text"
    text.write_text("not a database at all, but long enough to look like one\n" * 40)
    for path, says in ((other, "no ledger of a dev chain"), (text, "cannot be used")):
        with pytest.raises(ChainUnavailable, match=says):
            DevChain(path).connect()


def test_a_ledger_of_another_version_is_told(dev: World) -> None:
    with dev.look() as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(ChainUnavailable, match="schema version 99"):
        DevChain(dev.path).connect()


def test_a_chain_is_never_overwritten(dev: World) -> None:
    with pytest.raises(ChainRejected, match="exists"):
        create(dev.path)
    assert dev.open().hyperparameters(dev.netuid).tempo == 9
    assert [one.name for one in dev.path.parent.iterdir() if one.name.startswith(".")] == []


def test_snapshots_go_back_as_far_as_the_rules_say(tmp_path: Path) -> None:
    path = tmp_path / "chain.sqlite"
    create(path, block_time_s=0, subnet_rules={1: Rules(tempo=4, history_blocks=10)})
    ann = DevChain(path, signer("ann"))
    assert ann.register(netuid=1).ok
    operator = DevOperator(path)
    operator.advance(40)
    assert len(ann.snapshot(1, 30).neurons) == 1
    with pytest.raises(ChainRejected, match="go back to block 30"):
        ann.snapshot(1, 29)
    with pytest.raises(ChainRejected):
        ann.snapshot(1, -1)
    (neuron,) = ann.snapshot(1).neurons
    assert neuron.registered_hash is not None
    assert len(neuron.registered_hash) == 32
    ann.close()
    operator.close()


@pytest.mark.parametrize("location", ["dev:", "dev", "devnet", "", "/a/path"])
def test_a_location_that_is_none_is_told(location: str) -> None:
    with pytest.raises(InvalidInput, match="dev:"):
        open_chain(location)


def test_a_location_may_start_at_home() -> None:
    assert dev_path("dev:~/chain.sqlite") == Path.home() / "chain.sqlite"
    chain = open_chain("dev:./chain.sqlite")
    assert chain.name == "dev chain"
    assert not chain.is_public
    chain.close()

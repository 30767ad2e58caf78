"""No chain when the miner starts: five attempts ten seconds apart, then it goes on without."""

from __future__ import annotations

from pathlib import Path

from engram.chain.dev import DevChain
from engram.errors import ChainUnavailable
from tests.chain.worlds import dev_world, signer
from tests.miner.harness import Served
from tests.miner.linked import linked, linked_on_dev_chain


def test_five_attempts_ten_seconds_apart_then_chain_less(tmp_path: Path) -> None:
    with linked_on_dev_chain(tmp_path) as miner:
        miner.world.down()
        states = []
        for _ in range(7):
            miner.turn()
            states.append(miner.link.view.state)
        assert states == ["connecting"] * 4 + ["chain-less"] * 3
        assert miner.slept == [10] * 7
        assert miner.link.view.attempts == 7
        assert "down" in miner.link.view.warnings[0]


def test_it_joins_when_the_chain_comes_up(tmp_path: Path) -> None:
    with linked_on_dev_chain(tmp_path) as miner:
        miner.world.down()
        miner.turn(9)
        miner.world.mend()
        miner.turn()
        view = miner.link.view
        assert (view.state, view.attempts, view.warnings) == ("connected", 0, ())
        assert view.neuron is not None


def test_a_ledger_that_is_made_later_is_found(tmp_path: Path) -> None:
    with dev_world(tmp_path / "elsewhere") as world:
        missing = DevChain(tmp_path / "chain.sqlite", signer("miner"))
        with linked(tmp_path, world, chain=missing) as miner:
            states = []
            for path in [tmp_path / "nowhere"] * 5 + [tmp_path / "chain.sqlite"]:
                world.path.rename(path)
                world.path = path
                miner.turn()
                states.append(miner.link.view.state)
            assert states[-2:] == ["chain-less", "connected"]


def test_the_network_is_known_as_it_last_was(tmp_path: Path) -> None:
    with linked_on_dev_chain(tmp_path) as miner:
        miner.turn()
        miner.world.advance(30)
        miner.turn()
        before = miner.link.table.current
        assert before is not None and miner.link.table.local is not None
        miner.world.down()
        with linked(tmp_path, miner.world) as again:
            again.turn(6)
            assert again.link.view.state == "chain-less"
            assert again.link.table.current == before
            assert again.link.table.local == miner.link.table.local


async def test_the_miner_serves_meanwhile(miner: Served, tmp_path: Path) -> None:
    with dev_world(tmp_path) as world:
        world.down()
        with linked(tmp_path, world) as on_chain:
            on_chain.turn(6)
            miner.node.join(on_chain.link)
            stored = await miner.post("/IngestSynapse", {"text": "without a chain"})
            assert stored.json["error"] is None
            stats = (await miner.get("/stats")).json
            assert stats["chain_state"] == "chain-less"
            assert stats["chain_attempts"] >= 6
            assert (stats["uid"], stats["block"], stats["peers"]) == (None, None, 0)
            assert stats["warnings"]


def test_the_fault_is_the_chain_s(tmp_path: Path) -> None:
    """The world's switch is what these tests believe it to be."""
    with linked_on_dev_chain(tmp_path) as miner:
        miner.world.down()
        try:
            miner.chain.block()
        except ChainUnavailable:
            return
        raise AssertionError("a chain that is down answered")

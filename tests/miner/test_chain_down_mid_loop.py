"""The chain goes away while the miner runs: it keeps its place and takes it up again."""

from __future__ import annotations

from pathlib import Path

from tests.miner.linked import EVERY, linked_on_dev_chain


def test_what_was_known_stays_known(tmp_path: Path) -> None:
    with linked_on_dev_chain(tmp_path) as miner:
        miner.turn()
        miner.world.advance(3 * EVERY)
        miner.turn()
        before = miner.link.view
        placement = miner.link.table.current
        miner.world.down()
        miner.turn(2)
        now = miner.link.view
        assert (now.state, now.attempts) == ("connecting", 2)
        miner.turn(4)
        now = miner.link.view
        assert now.state == "chain-less"
        assert (now.block, now.metagraph) == (before.block, before.metagraph)
        assert miner.link.table.current == placement


def test_it_catches_up_at_once(tmp_path: Path) -> None:
    with linked_on_dev_chain(tmp_path) as miner:
        miner.turn()
        miner.world.down()
        miner.turn(20)
        miner.world.mend()
        miner.world.register("other")
        block = miner.world.advance(3 * EVERY)
        miner.turn()
        view = miner.link.view
        assert (view.state, view.block) == ("connected", block)
        assert view.metagraph is not None
        assert len(view.metagraph.neurons) == 2
        assert not miner.link.table.behind(block)


def test_a_chain_that_refuses_writes_does_not_keep_the_miner_from_reading(tmp_path: Path) -> None:
    with linked_on_dev_chain(tmp_path) as miner:
        miner.world.reject()
        miner.turn()
        assert miner.link.view.state == "connected"
        assert miner.link.view.neuron is not None
        assert "refuses every write" in miner.link.view.warnings[0]
        miner.world.mend()
        miner.resync()
        assert miner.link.view.warnings == ()

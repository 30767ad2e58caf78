"""The chain comes back as another one, or with another past: the miner goes by what it says now."""

from __future__ import annotations

from pathlib import Path

from engram.chain.dev import DevChain
from tests.chain.worlds import dev_world, signer
from tests.miner.linked import EVERY, linked, linked_on_dev_chain


def test_another_chain_under_the_same_name(tmp_path: Path) -> None:
    with linked_on_dev_chain(tmp_path / "one") as miner, dev_world(tmp_path / "two") as other:
        miner.turn()
        miner.world.advance(3 * EVERY)
        miner.turn()
        assert miner.link.table.local is not None
        miner.world.down()
        miner.turn(6)

        other.register("somebody", "else", "miner")
        other.advance(3 * EVERY + 1)
        miner.link.chain = DevChain(other.path, signer("miner"))
        miner.turn()
        view, placement = miner.link.view, miner.link.table.current
        assert view.neuron is not None and view.neuron.uid == 2
        assert placement is not None and placement.members == ()
        other.advance(2 * EVERY)
        miner.turn()
        assert miner.link.table.local is not None
        assert miner.link.table.local.uid == 2


def test_a_chain_that_went_back(tmp_path: Path) -> None:
    """A kept membership of a later block gives way to what rules on the chain that is there."""
    with linked_on_dev_chain(tmp_path / "one") as miner:
        miner.turn()
        miner.world.advance(9 * EVERY)
        miner.turn()
        later = miner.link.table.current
    with dev_world(tmp_path / "two") as younger:
        younger.register("miner")
        younger.advance(2 * EVERY)
        with linked(tmp_path / "one", younger) as again:
            assert again.link.table.current == later
            again.turn()
            now = again.link.table.current
            assert now is not None and later is not None
            assert now.number < later.number
            assert again.link.table.previous is None

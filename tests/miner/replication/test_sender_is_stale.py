"""Two nodes that go by different placement blocks: 409 with the blocks that the receiver knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from engram.miner.replication.interface import Failure, Trouble
from tests.miner.network import EVERY
from tests.miner.replication.sender import among, copy, fates


@pytest.mark.parametrize("off", [EVERY, 1, -1, -2 * EVERY])
async def test_a_placement_that_the_receiver_does_not_know(tmp_path: Path, off: int) -> None:
    async with among(tmp_path) as (sender, miner):
        sender.net.place(sender.net.miners)
        refused = await sender.send(miner, [copy("one")], placement=sender.net.block + off)
        assert isinstance(refused, Failure)
        assert (refused.trouble, refused.code) == (Trouble.REFUSED, "stale_membership")
        assert refused.placements == (sender.net.block, sender.net.block - EVERY)
        assert miner.store.stats().records == 0


async def test_the_current_and_the_previous_are_common(tmp_path: Path) -> None:
    async with among(tmp_path) as (sender, miner):
        sender.net.place(sender.net.miners)
        block = sender.net.block
        assert fates(await sender.send(miner, [copy("one")], placement=block)) == ["stored"]
        before = await sender.send(miner, [copy("two")], placement=block - EVERY)
        assert fates(before) == ["stored"]

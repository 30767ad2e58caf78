"""What the operator deleted comes back from other members: refused, and it stays deleted."""

from __future__ import annotations

from pathlib import Path

from tests.miner.replication.sender import among, copy, fates


async def test_the_deleted_one_is_refused_and_its_neighbours_are_not(tmp_path: Path) -> None:
    deleted, other = copy("one", side_text="one"), copy("two")
    async with among(tmp_path) as (sender, miner):
        assert fates(await sender.send(miner, [deleted])) == ["stored"]
        assert miner.store.delete(deleted.cid)
        assert fates(await sender.send(miner, [deleted, other])) == ["refused_here", "stored"]
        assert [each.cid for each in miner.store.scan()] == [other.cid]
        assert miner.store.undelete(deleted.cid)
        assert fates(await sender.send(miner, [deleted])) == ["stored"]

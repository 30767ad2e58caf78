"""A member that sends more than its share waits, whatever addresses it comes from."""

from __future__ import annotations

from pathlib import Path

from engram.miner.replication.interface import Failure
from tests.miner.replication.sender import among, copy, fates, sender


async def test_it_is_throttled_and_the_others_are_not(tmp_path: Path) -> None:
    async with among(tmp_path, peer_burst=3, peer_rate_per_s=0.001) as (busy, miner):
        for number in range(3):
            assert fates(await busy.send(miner, [copy("one", n=number)])) == ["stored"]
        refused = await busy.send(miner, [copy("one", n=9)])
        assert isinstance(refused, Failure)
        assert refused.code == "throttled"
        assert refused.retry_after is not None and refused.retry_after > 60
        assert miner.store.stats().records == 3
        async with sender(busy.net, "miner-2") as other:
            assert fates(await other.send(miner, [copy("two")])) == ["stored"]


async def test_strangers_cannot_spend_a_member_s_share(tmp_path: Path) -> None:
    async with among(tmp_path, peer_burst=1, peer_rate_per_s=0.001) as (member, miner):
        async with sender(member.net, "stranger") as stranger:
            for _ in range(5):
                assert isinstance(await stranger.send(miner, [copy("one")]), Failure)
        assert fates(await member.send(miner, [copy("one")])) == ["stored"]

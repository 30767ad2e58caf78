"""Only members write copies: strangers, validators and those who left get 403."""

from __future__ import annotations

from pathlib import Path

from engram.miner.replication import frame
from engram.miner.replication.interface import Failure, Trouble
from tests.miner.harness import served
from tests.miner.network import network
from tests.miner.replication.sender import among, copy, fates, sender


async def test_a_stranger_with_a_key_of_its_own(tmp_path: Path) -> None:
    async with among(tmp_path) as (known, miner), sender(known.net, "stranger") as stranger:
        refused = await stranger.send(miner, [copy("one")])
        assert isinstance(refused, Failure)
        assert (refused.trouble, refused.code) == (Trouble.REFUSED, "not_a_member")
        assert refused.placements == (known.net.block,)
        assert miner.store.stats().records == 0


async def test_a_stranger_is_turned_away_before_its_body_is_read(tmp_path: Path) -> None:
    async with among(tmp_path) as (known, miner), sender(known.net, "stranger") as stranger:
        refused = await stranger.post(miner, b"no frame at all")
        assert isinstance(refused, Failure)
        assert refused.code == "not_a_member"


async def test_whoever_was_a_member_one_placement_ago_may_still_send(tmp_path: Path) -> None:
    one, two = copy("one"), copy("two")
    async with network(tmp_path, 3) as net, sender(net) as leaving:
        before = net.block
        net.place(net.miners[1:])
        assert fates(await leaving.send(net.miners[1], [one], placement=before)) == ["stored"]
        net.place(net.miners[1:])
        refused = await leaving.send(net.miners[1], [two])
        assert isinstance(refused, Failure)
        assert refused.code == "not_a_member"
        assert refused.placements == (net.block, net.block - 10)


async def test_a_node_on_no_chain_takes_nothing() -> None:
    async with served() as alone:
        headers = {"Content-Type": frame.CONTENT_TYPE}
        answer = await alone.send("/replica", frame.encode(7, (), []), headers)
        assert answer.is_error(403, "forbidden")

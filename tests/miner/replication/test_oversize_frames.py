"""More than a body, or more than a frame, may hold: refused, with nothing stored."""

from __future__ import annotations

from pathlib import Path

import orjson

from engram.miner.replication import frame
from engram.miner.replication.frame import pack
from engram.miner.replication.interface import Failure
from engram.protocol import MAX_BODY_BYTES, MAX_REPLICAS
from tests.miner.replication.sender import among, copy, fates, member_of


async def test_a_body_over_the_limit(tmp_path: Path) -> None:
    async with among(tmp_path) as (sender, miner):
        refused = await sender.post(miner, bytes(MAX_BODY_BYTES + 1))
        assert isinstance(refused, Failure)
        assert refused.code in ("body_too_large", "")  # cut off while it still sends, or answered
        assert fates(await sender.send(miner, [copy("one")])) == ["stored"]


async def test_as_many_records_as_may_be_and_one_more(tmp_path: Path) -> None:
    copies = [pack(copy("one", n=number)) for number in range(MAX_REPLICAS + 1)]
    async with among(tmp_path) as (sender, miner):
        refused = await sender.send(miner, copies)
        assert isinstance(refused, Failure)
        assert refused.code == "invalid_input"
        assert miner.store.stats().records == 0
        assert fates(await sender.send(miner, copies[1:])) == ["stored"] * MAX_REPLICAS


async def test_no_records_are_no_error(tmp_path: Path) -> None:
    async with among(tmp_path) as (sender, miner):
        assert fates(await sender.send(miner, [])) == []


async def test_a_body_that_is_no_frame(tmp_path: Path) -> None:
    async with among(tmp_path) as (sender, miner):
        refused = await sender.post(miner, orjson.dumps({"records": []}))
        assert isinstance(refused, Failure)
        assert refused.code == "invalid_input"


async def test_a_frame_under_another_name(tmp_path: Path) -> None:
    async with among(tmp_path) as (sender, miner):
        body = frame.encode(sender.net.block, (), [])
        refused = await sender.peers.send(
            member_of(miner), "/replica", body, content_type="application/json", timeout_s=30
        )
        assert isinstance(refused, Failure)
        assert refused.code == "wrong_content_type"

"""What stands in a signed request's headers, as a real miner reads it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from engram.miner.replication import frame
from engram.miner.replication.clock import NodeClock
from engram.miner.replication.frame import CONTENT_TYPE, pack
from engram.miner.replication.interface import Answer, Failure
from engram.miner.replication.peers import SignedPeers
from engram.net.signed import NONCE, RECEIVER, signed_headers
from tests.chain.worlds import signer
from tests.miner.network import Miner, network
from tests.miner.replication.sender import among, copy, member_of


@dataclass
class Sent:
    """A request that somebody on the way has seen."""

    headers: dict[str, str]
    body: bytes

    async def to(self, miner: Miner, path: str = "/replica") -> tuple[int, Any]:
        async with (
            aiohttp.ClientSession() as session,
            session.post(miner.url + path, data=self.body, headers=self.headers) as response,
        ):
            return response.status, await response.json()


def made_for(miner: Miner, *, off_s: float = 0.0) -> Sent:
    """A good request of miner-0, by a clock that is so far off."""
    current = miner.table.current
    assert current is not None
    body = frame.encode(current.number, (), [pack(copy("one"))])
    at = round((time.time() + off_s) * 1000)
    headers = signed_headers(signer("miner-0"), miner.hotkey, "POST", "/replica", body, at)
    return Sent(headers | {"Content-Type": CONTENT_TYPE}, body)


async def test_once_and_not_twice(tmp_path: Path) -> None:
    async with among(tmp_path) as (_, miner):
        request = made_for(miner)
        status, reply = await request.to(miner)
        assert (status, reply["outcomes"][0]["duplicate"]) == (200, False)
        status, reply = await request.to(miner)
        assert (status, reply["code"]) == (401, "replayed")


async def test_at_another_miner_or_path_it_is_nobody_s(tmp_path: Path) -> None:
    async with among(tmp_path) as (sender, miner):
        request = made_for(miner)
        other = sender.net.miners[2]
        assert (await request.to(other))[1]["code"] == "bad_signature"
        request.headers[RECEIVER] = other.hotkey
        assert (await request.to(other))[1]["code"] == "bad_signature"
        assert (await made_for(miner).to(miner, "/replica?again"))[1]["code"] == "bad_signature"
        assert other.store.stats().records == miner.store.stats().records == 0


async def test_a_changed_body_or_nonce(tmp_path: Path) -> None:
    async with among(tmp_path) as (_, miner):
        for change in ("body", "nonce"):
            request = made_for(miner)
            if change == "body":
                request.body = request.body[:-1] + b"\x01"
            else:
                request.headers[NONCE] = "00" * 16
            status, reply = await request.to(miner)
            assert (status, reply["code"]) == (401, "bad_signature")
        assert miner.store.stats().records == 0


async def test_a_clock_that_is_off_is_told_the_time(tmp_path: Path) -> None:
    async with among(tmp_path) as (_, miner):
        for off_s in (-90, 90):
            status, reply = await made_for(miner, off_s=off_s).to(miner)
            assert (status, reply["code"]) == (401, "clock_skew")
            assert abs(reply["time"] - time.time()) < 30


async def test_the_sender_does_not_adopt_another_s_time(tmp_path: Path) -> None:
    clock = NodeClock(lambda: time.time() - 90, time.monotonic)
    async with (
        network(tmp_path, 2) as net,
        SignedPeers(signer("miner-0"), clock, public=False) as late,
    ):
        for _ in range(2):
            body = frame.encode(net.block, (), [])
            refused = await late.send(
                member_of(net.miners[1]), "/replica", body, content_type=CONTENT_TYPE, timeout_s=30
            )
            assert isinstance(refused, Failure)
            assert refused.code == "clock_skew"


async def test_signed_and_unsigned_share_connections_and_not_headers(tmp_path: Path) -> None:
    async with among(tmp_path) as (sender, miner):
        member = member_of(miner)
        body = frame.encode(sender.net.block, (), [])
        assert isinstance(await sender.post(miner, body), Answer)
        assert isinstance(await sender.peers.get(member, "/health", timeout_s=30), Answer)
        refused = await Sent({"Content-Type": CONTENT_TYPE}, body).to(miner)
        assert refused[1]["code"] == "bad_signature"

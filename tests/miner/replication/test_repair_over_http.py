"""Comparisons and requests for repair over real sockets and disks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import orjson

from engram.chain.interface import Block, Snapshot
from engram.core.embedding import to_base64
from engram.miner.replication.interface import Answer, Failure
from engram.protocol import CompareReply, CompareRequest, Message, RepairReply, RepairRequest
from engram.protocol.nodes import Range
from tests.chain.worlds import signer
from tests.miner.network import Miner, Network, network, neuron
from tests.miner.replication.grid import records
from tests.miner.replication.sender import Sender, member_of, sender

BRISK: dict[str, Any] = {"compare_every_s": 1.0, "sweep_every_s": 1.0, "absent_after_s": 3.0}
WHOLE = Range(low="", high=None, count=0, fingerprint="0" * 64)
DEADLINE_S = 60.0


async def stored(net: Network, count: int) -> list[str]:
    """CIDs of records that all their holders acknowledged."""
    cids = []
    for record in records(count):
        body = {"embedding_b64": to_base64(record.embedding), "metadata": record.metadata}
        reply = await net.miners[0].post("/IngestSynapse", body)
        assert reply.json["replicas"]["acknowledged"] == 3
        cids.append(reply.json["cid"])
    return cids


async def eventually(reached: Callable[[], bool]) -> None:
    give_up = time.monotonic() + DEADLINE_S
    while not reached():
        assert time.monotonic() < give_up, "it does not come about"
        await asyncio.sleep(0.05)


def holds(miner: Miner, cids: list[str]) -> int:
    return len(miner.store.has(cids))


async def test_what_a_disk_lost_comes_back(tmp_path: Path) -> None:
    async with network(tmp_path, 3, **BRISK) as net:
        cids = await stored(net, 20)
        for miner in net.miners[1:]:
            miner.store.forget(cids)
            assert holds(miner, cids) == 0
        await eventually(lambda: all(holds(miner, cids) == 20 for miner in net.miners))
        assert net.miners[1].store.get(cids[7]) is not None


async def test_a_stopped_holder_is_stood_in_for_and_whole_when_it_is_back(tmp_path: Path) -> None:
    async with network(tmp_path, 4, **BRISK) as net:
        cids = await stored(net, 20)
        gone = net.miners[3]
        lost = holds(gone, cids)
        gone.store.forget(cids)
        await gone.stop()
        here = net.miners[:3]
        await eventually(lambda: sum(holds(miner, cids) for miner in here) == 60)
        await gone.start()
        await eventually(lambda: holds(gone, cids) == lost)
        await eventually(lambda: all(3 not in each.replication.reach.absent() for each in here))


async def post(signs: Sender, to: Miner, path: str, message: Message) -> Answer | Failure:
    return await send(signs, to, path, message.model_dump_json().encode())


async def send(signs: Sender, to: Miner, path: str, body: bytes) -> Answer | Failure:
    return await signs.peers.send(member_of(to), path, body, timeout_s=30)


async def test_a_comparison_wants_a_member_s_signature(tmp_path: Path) -> None:
    async with network(tmp_path, 3) as net, sender(net) as known, sender(net, "nobody") as stranger:
        asked = net.miners[1]
        whole = CompareRequest(placement=net.block, ranges=[WHOLE])
        bare = await asked.post("/compare", whole.model_dump())
        assert bare.is_error(401, "bad_signature")
        refused = await post(stranger, asked, "/compare", whole)
        assert isinstance(refused, Failure) and refused.code == "not_a_member"
        stale = await post(known, asked, "/compare", whole.model_copy(update={"placement": 7}))
        assert isinstance(stale, Failure) and stale.placements == (net.block,)


async def test_what_is_no_range_is_refused(tmp_path: Path) -> None:
    async with network(tmp_path, 3, compare_every_s=1e6) as net, sender(net) as known:
        asked = net.miners[1]
        wrongs: list[dict[str, Any]] = [
            {"low": "8", "high": None},
            {"low": "80", "high": "40"},
            {"low": "00" * 33, "high": None},
            {"low": "", "high": None, "fingerprint": "AA" * 32},
            {"low": "", "high": None, "count": -1},
        ]
        for wrong in wrongs:
            body = {"placement": net.block, "ranges": [WHOLE.model_dump() | wrong]}
            refused = await send(known, asked, "/compare", orjson.dumps(body))
            assert isinstance(refused, Failure) and refused.code == "invalid_input", wrong
        part = WHOLE.model_copy(update={"low": "40"})
        good = await post(
            known, asked, "/compare", CompareRequest(placement=net.block, ranges=[part])
        )
        assert isinstance(good, Answer)
        reply = CompareReply.model_validate_json(good.body)
        assert (reply.placement, len(reply.answers), reply.answers[0].held) == (net.block, 1, [])


async def test_only_a_validator_with_a_permit_asks_for_repair(tmp_path: Path) -> None:
    async with network(tmp_path, 3, **BRISK) as net, sender(net, "judge") as judge:
        cids = await stored(net, 3)
        asked, robbed = net.miners[1], net.miners[2]
        request = RepairRequest(cids=[*cids, "v1::" + "0" * 64])
        for permit in (False, True):
            list_neuron(asked, "judge", permit=permit)
            reply = await post(judge, asked, "/repair", request)
            if not permit:
                assert isinstance(reply, Failure) and reply.code == "forbidden"
        assert isinstance(reply, Answer)
        assert RepairReply.model_validate_json(reply.body).accepted == 3
        await eventually(lambda: robbed.requests("/batch/retrieve") == 1)


def list_neuron(miner: Miner, name: str, *, permit: bool) -> None:
    """Put a neuron into the metagraph that the miner saw last."""
    key = signer(name)
    listed = replace(
        neuron(9, miner),
        hotkey=key.hotkey,
        public_key=key.public_key,
        axon=None,
        validator_permit=permit,
    )
    link = cast(Any, miner.node._link)
    metagraph = Snapshot(1, Block(1, bytes(32)), (listed,))
    link.view = replace(link.view, metagraph=metagraph)

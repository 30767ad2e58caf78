"""A member in the test's hands, which sends others whatever the test wants."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engram.core import embedding as vectors
from engram.core import generate_cid
from engram.dht import Member
from engram.miner.replication import frame
from engram.miner.replication.clock import NodeClock
from engram.miner.replication.frame import CONTENT_TYPE, Copy, Packed, pack
from engram.miner.replication.interface import Answer, Failure
from engram.miner.replication.peers import SignedPeers
from engram.protocol import ReplicaAck, ReplicaReply
from tests.chain.worlds import signer
from tests.miner.hash_embedder import vector_of
from tests.miner.network import Miner, Network, network


def copy(of: str, *, side_text: str | None = None, **about: Any) -> Copy:
    """A record whose embedding is that of the text ``of``, with this metadata."""
    vector = vectors.from_numbers(vector_of(of))
    return Copy(generate_cid(vector, about), vector, about, side_text)


def changed(honest: Copy) -> Copy:
    """Another vector under the same CID."""
    other = vectors.from_numbers(np.roll(honest.embedding, 1))
    return Copy(honest.cid, other, honest.metadata, honest.text)


@dataclass
class Sender:
    """Signs as a miner of the network, and is not that miner."""

    net: Network
    peers: SignedPeers
    name: str

    async def send(
        self,
        to: Miner,
        copies: Sequence[Copy | Packed],
        *,
        placement: int | None = None,
        absent: Collection[int] = (),
    ) -> ReplicaReply | Failure:
        """POST /replica; by default at the placement that all go by."""
        packed = [each if isinstance(each, Packed) else pack(each) for each in copies]
        at = self.net.block if placement is None else placement
        answer = await self.post(to, frame.encode(at, absent, packed))
        if isinstance(answer, Failure):
            return answer
        return ReplicaReply.model_validate_json(answer.body)

    async def post(self, to: Miner, body: bytes, path: str = "/replica") -> Answer | Failure:
        return await self.peers.send(
            member_of(to), path, body, content_type=CONTENT_TYPE, timeout_s=30
        )


def member_of(miner: Miner) -> Member:
    """The miner as others see it."""
    current = miner.table.current
    assert current is not None
    found = current.by_hotkey(miner.hotkey)
    assert found is not None
    return found


def fates(reply: ReplicaReply | Failure) -> list[str]:
    """``stored``, ``duplicate`` or the code of an error, for each record."""
    assert isinstance(reply, ReplicaReply), reply
    return [
        ("duplicate" if one.duplicate else "stored") if isinstance(one, ReplicaAck) else one.code
        for one in reply.outcomes
    ]


@asynccontextmanager
async def sender(net: Network, name: str = "miner-0") -> AsyncIterator[Sender]:
    """Who signs with that name's key."""
    clock = NodeClock(time.time, time.monotonic)
    async with SignedPeers(signer(name), clock, public=False) as peers:
        yield Sender(net, peers, name)


@asynccontextmanager
async def among(
    folder: Path, count: int = 3, **settings: Any
) -> AsyncIterator[tuple[Sender, Miner]]:
    """A sender that is a member, and a miner that it sends to."""
    async with network(folder, count, **settings) as net, sender(net) as made:
        yield made, net.miners[1]

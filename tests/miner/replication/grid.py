"""A network of replication domains in one process: peers call each other, time is simulated."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import orjson

from engram.chain.interface import Axon, Block, Neuron, Snapshot
from engram.config import MinerSettings
from engram.core import generate_cid
from engram.core.embedding import Embedding
from engram.dht import Member, RoutingTable
from engram.errors import EngramError, NotFound
from engram.miner.records import record_reply
from engram.miner.replication.frame import decode
from engram.miner.replication.interface import Answer, Failure, Trouble
from engram.miner.replication.replication import Replication
from engram.net.errors import error_body
from engram.protocol import MAX_RETRIEVE, CompareRequest
from engram.storage.interface import NewRecord
from tests.miner.replication.desk import DiskShelf
from tests.simulation.clock import SkewedClock
from tests.simulation.disk import Disk
from tests.simulation.keys import Key, signature_of

EVERY = 10
DELAY_S = 0.01
COMPARE_S, ABSENT_S, SWEEP_S, KEEP_S = 60.0, 600.0, 300.0, 86_400.0

Lie = Callable[[str, bytes], bytes]


class Node:
    """One miner: a disk that outlives it, and its part in the network while it is up."""

    def __init__(self, grid: Grid, uid: int, **settings: Any) -> None:
        self.grid = grid
        self.uid = uid
        self.key = Key(f"grid-{uid}")
        self.clock = SkewedClock(asyncio.get_running_loop())
        self.disk = Disk(f"grid-{uid}", self.clock.now)
        self.table = RoutingTable(EVERY, self.key.hotkey)
        self.settings = MinerSettings(**settings)
        self.lie: Lie | None = None
        """What becomes of the records that it gives to others."""
        self.gives = MAX_RETRIEVE
        """Records that it gives at once: fewer if they were large."""
        self.replication: Replication | None = None

    @property
    def part(self) -> Replication:
        assert self.replication is not None, "it is down"
        return self.replication

    @property
    def url(self) -> str:
        return f"http://127.0.0.{self.uid + 1}:8091"

    def start(self) -> None:
        grid = self.grid
        self.replication = Replication(
            signer=self.key,
            verify=grid.verify,
            table=self.table,
            shelf=DiskShelf(self.disk),
            peers=GridPeers(grid, self),
            clock=self.clock,
            settings=self.settings,
            chance=random.Random(self.uid),
            side_texts=exact,
            searches=lambda: 0,
        )
        self.replication.start()

    async def stop(self) -> None:
        """What it was doing ends; what is on its disk stays."""
        if self.replication is not None:
            running, self.replication = self.replication, None
            await running.stop()

    def holds(self) -> set[str]:
        """CIDs that it has and whose bytes are right."""
        return set(self.disk.records) - self.disk.damaged


class Grid:
    """The nodes, the table that all of them go by, and how many messages went where."""

    def __init__(self, count: int, **settings: Any) -> None:
        self.nodes = [Node(self, uid, **settings) for uid in range(count)]
        self.by_hotkey = {node.key.hotkey: node for node in self.nodes}
        self.unreachable: set[int] = set()
        """UIDs that run and cannot be reached."""
        self.sent: Counter[tuple[int, int, str]] = Counter()
        """Messages by sender, receiver and path."""
        self.bytes: Counter[str] = Counter()
        """Of bodies, both ways, by path."""
        self.block = 2 * EVERY
        self.place(self.nodes)

    def place(self, members: Collection[Node]) -> None:
        """Move all tables to the next placement block."""
        self.block += EVERY
        now, before = (self.snapshot(at, members) for at in (self.block, self.block - EVERY))
        for node in self.nodes:
            assert node.table.bootstrap(now, before)

    def snapshot(self, number: int, members: Collection[Node]) -> Snapshot:
        listed = tuple(neuron(node) for node in self.nodes if node in members)
        return Snapshot(1, Block(number, number.to_bytes(32, "big")), listed)

    def member(self, node: Node) -> Member:
        current = self.nodes[0].table.current
        assert current is not None
        found = current.by_hotkey(node.key.hotkey)
        assert found is not None
        return found

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        node = next(node for node in self.nodes if node.key.public_key == public_key)
        return signature == signature_of(message, node.key.hotkey)

    def holders(self, cid: str, absent: Collection[int] = ()) -> list[Node]:
        current = self.nodes[0].table.current
        assert current is not None
        return [self.nodes[member.uid] for member in current.holders(cid, absent)]

    def give(self, records: Sequence[NewRecord], absent: Collection[int] = ()) -> None:
        """Put each on the disks of its holders."""
        for record in records:
            for node in self.holders(record.cid, absent):
                node.disk.put([record])

    def spread(self, cids: Collection[str], absent: Collection[int] = ()) -> bool:
        """True if each holder has what it is to hold of these."""
        return all(cid in node.holds() for cid in cids for node in self.holders(cid, absent))

    def placed_exactly(self, cids: Collection[str]) -> bool:
        """True if nobody has anything of these but what it is to hold."""
        return all(
            (cid in node.holds()) == (node in self.holders(cid))
            for cid in cids
            for node in self.nodes
        )

    def messages(self, path: str) -> int:
        return sum(count for (_, _, sent), count in self.sent.items() if sent == path)

    async def until(self, reached: Callable[[], bool], most_s: float) -> float:
        """Seconds that it took; fails if it takes longer than ``most_s``."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        while not reached():
            assert loop.time() - start < most_s, f"not within {most_s:g} s"
            await asyncio.sleep(1)
        return loop.time() - start


class GridPeers:
    """One node's way to the others."""

    def __init__(self, grid: Grid, node: Node) -> None:
        self.grid = grid
        self.node = node

    async def send(
        self,
        member: Member,
        path: str,
        body: bytes,
        *,
        content_type: str = "application/json",
        timeout_s: float,
    ) -> Answer | Failure:
        return await self._carry(member, path, body, lambda target: self._ask(target, path, body))

    async def get(self, member: Member, path: str, *, timeout_s: float) -> Answer | Failure:
        raise AssertionError(f"nothing is to be fetched by GET: {path}")

    async def _carry(
        self, member: Member, path: str, body: bytes, ask: Callable[[Node], Awaitable[bytes]]
    ) -> Answer | Failure:
        grid, target = self.grid, self.grid.by_hotkey[member.hotkey]
        grid.sent[self.node.uid, target.uid, path] += 1
        await asyncio.sleep(DELAY_S)
        cut_off = {self.node.uid, target.uid} & grid.unreachable
        if target.replication is None or cut_off:
            return Failure(Trouble.UNREACHABLE, "nobody is there")
        grid.bytes[path] += len(body)
        try:
            reply = await ask(target)
        except EngramError as error:
            known = tuple(error.details.get("placements", ()))
            return Failure(Trouble.REFUSED, error.message, error.code, error.retry_after, known)
        await asyncio.sleep(DELAY_S)
        grid.bytes[path] += len(reply)
        return Answer(reply)

    async def _ask(self, target: Node, path: str, body: bytes) -> bytes:
        if path == "/compare":
            sender = self.grid.member(self.node)
            request = CompareRequest.model_validate_json(body)
            compared = await target.part.compare.answer(sender, request)
            return compared.model_dump_json(exclude_defaults=True).encode()
        if path == "/replica":
            taken = await target.part.receiver.take(self.grid.member(self.node), decode(body))
            return taken.model_dump_json().encode()
        if path == "/batch/retrieve":
            outcomes = [retrieved(target, cid) for cid in orjson.loads(body)["cids"]]
            return b'{"outcomes":[%s],"warnings":[]}' % b",".join(outcomes[: target.gives])
        assert path == "/has"
        return orjson.dumps({"held": dict.fromkeys(target.disk.has(orjson.loads(body)["cids"]), 1)})


def retrieved(target: Node, cid: str) -> bytes:
    """One outcome of POST /batch/retrieve."""
    try:
        record = target.disk.get(cid)
        if record is None:
            raise NotFound(f"{cid} is not here.")
    except EngramError as error:
        return orjson.dumps(error_body(error))
    body = orjson.dumps(record_reply(record))
    return target.lie(cid, body) if target.lie is not None else body


async def exact(_: str) -> bytes | None:
    return None


def neuron(node: Node) -> Neuron:
    return Neuron(
        uid=node.uid,
        hotkey=node.key.hotkey,
        coldkey="cold",
        public_key=node.key.public_key,
        axon=Axon(f"127.0.0.{node.uid + 1}", 8091),
        stake=0,
        incentive=0,
        dividends=0,
        emission=0,
        validator_permit=False,
        last_update=0,
        registered_at=node.uid,
        registered_hash=bytes([node.uid]) * 32,
    )


def records(count: int, seed: int = 0) -> list[NewRecord]:
    """Records with CIDs of their own."""
    vectors = np.random.default_rng(seed).standard_normal((count, 384)).astype(np.float32)
    return [record(vector, seed * 1_000_000 + n) for n, vector in enumerate(vectors)]


def record(vector: Embedding, number: int) -> NewRecord:
    metadata = {"n": number}
    return NewRecord(generate_cid(vector, metadata), vector, metadata)


@asynccontextmanager
async def grid_of(count: int, *, started: bool = True, **settings: Any) -> AsyncIterator[Grid]:
    """A grid whose nodes are up, until the end."""
    made = Grid(count, **settings)
    try:
        for node in made.nodes if started else ():
            node.start()
        yield made
    finally:
        for node in made.nodes:
            await node.stop()

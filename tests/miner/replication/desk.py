"""One node that delivers to scripted peers, on a loop whose time is simulated."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, TypeVar

import numpy as np
import orjson
from numpy.typing import NDArray

from engram.chain.interface import Axon, Block, Neuron, Signer, Snapshot
from engram.chain.signatures import verify
from engram.config import MinerSettings
from engram.core import generate_cids
from engram.core.receipt import receipt_bytes, record_size
from engram.dht import Member, RoutingTable
from engram.errors import Overloaded
from engram.miner.replication.frame import Copy, decode
from engram.miner.replication.interface import Answer, Failure, Trouble
from engram.miner.replication.replication import Replication
from engram.miner.replication.spread import Placed
from engram.protocol import ReplicaAck, ReplicaError, ReplicaReply, SignedReceipt
from engram.storage.interface import Delivery, NewRecord, Record, Stored
from tests.chain.worlds import signer
from tests.simulation.clock import SkewedClock
from tests.simulation.disk import Disk
from tests.simulation.loop import simulate

T = TypeVar("T")

EVERY = 10
FIRST_PLACEMENT = 20


class DiskShelf:
    """The simulated disk, as the event loop sees it."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.full_queue = False

    async def put(self, records: Sequence[NewRecord]) -> list[Stored | Exception]:
        await asyncio.sleep(0.005)
        return self.disk.put(records)

    async def get(self, cid: str) -> Record | None:
        return self.disk.get(cid)

    async def has(self, cids: Sequence[str]) -> dict[str, float]:
        return self.disk.has(cids)

    async def forget(self, cids: Sequence[str]) -> int:
        return self.disk.forget(cids)

    async def digests(self) -> NDArray[np.uint8]:
        return self.disk.digests()

    async def refused(self) -> NDArray[np.uint8]:
        return self.disk.refused()

    async def enqueue(self, deliveries: Sequence[tuple[int, str]]) -> int:
        await asyncio.sleep(0.005)
        return self.disk.enqueue(deliveries)

    async def waiting(self) -> dict[int, int]:
        return self.disk.waiting()

    async def outbox(self, seat: int, limit: int, after: str | None = None) -> list[Delivery]:
        if self.full_queue:
            raise Overloaded("Too many requests wait; try again.")
        return self.disk.outbox(seat, limit, after)

    async def delivered(self, seat: int, cids: Sequence[str]) -> None:
        await asyncio.sleep(0.005)
        self.disk.delivered(seat, cids)

    async def drop_seats(self, seats: Sequence[int]) -> int:
        return self.disk.drop_seats(seats)


@dataclass(frozen=True)
class Sent:
    """One request of the node under test."""

    at: float
    uid: int
    path: str
    records: int
    body_bytes: int
    placement: int | None = None


@dataclass
class Scripted:
    """A member that does as the test says."""

    key: Signer
    held: set[str] = field(default_factory=set)
    delay_s: float = 0.01
    failure: Failure | None = None
    """Every request is answered with this."""
    knows: tuple[int, ...] | None = None
    """Placement blocks that it accepts; None: all."""
    says: dict[str, str] = field(default_factory=dict)
    """Codes that it answers with for single records."""
    forges: bool = False

    def down(self) -> None:
        self.failure = Failure(Trouble.UNREACHABLE, "nobody listens there")

    def up(self) -> None:
        self.failure = None

    async def answer(self, path: str, body: bytes) -> Answer | Failure:
        await asyncio.sleep(self.delay_s)
        if self.failure is not None:
            return self.failure
        if path == "/has":
            cids = orjson.loads(body)["cids"]
            held = {cid: 1000 for cid in cids if cid in self.held}
            return Answer(orjson.dumps({"held": held, "warnings": []}))
        if path != "/replica":
            return Failure(Trouble.REFUSED, "no such path", "not_found")
        frame = decode(body)
        if self.knows is not None and frame.placement not in self.knows:
            return Failure(
                Trouble.REFUSED, "another placement", "stale_membership", placements=self.knows
            )
        copies = [each for each in frame.records if isinstance(each, Copy)]
        outcomes = [self._outcome(copy, frame.placement) for copy in copies]
        reply = ReplicaReply(placement=frame.placement, outcomes=outcomes)
        return Answer(reply.model_dump_json().encode())

    def _outcome(self, copy: Copy, placement: int) -> ReplicaAck | ReplicaError:
        if copy.cid in self.says:
            return ReplicaError(cid=copy.cid, error="It may not be.", code=self.says[copy.cid])
        duplicate = copy.cid in self.held
        self.held.add(copy.cid)
        size = record_size(copy.metadata)
        made_by = signer("somebody else") if self.forges else self.key
        receipt = SignedReceipt(
            cid=copy.cid,
            size=size,
            placement=placement,
            hotkey=self.key.hotkey,
            signature=made_by.sign(receipt_bytes(copy.cid, size, placement, self.key.hotkey)).hex(),
        )
        return ReplicaAck(cid=copy.cid, duplicate=duplicate, receipt=receipt)


class ScriptedPeers:
    """The other members, and what was sent to them."""

    def __init__(self, members: dict[str, Scripted]) -> None:
        self.members = members
        self.sent: list[Sent] = []

    async def send(
        self,
        member: Member,
        path: str,
        body: bytes,
        *,
        content_type: str = "application/json",
        timeout_s: float,
    ) -> Answer | Failure:
        frame = decode(body) if path == "/replica" else None
        records = len(frame.records) if frame else 0
        placement = frame.placement if frame else None
        now = asyncio.get_running_loop().time()
        self.sent.append(Sent(now, member.uid, path, records, len(body), placement))
        try:
            async with asyncio.timeout(timeout_s):
                return await self.members[member.hotkey].answer(path, body)
        except TimeoutError:
            return Failure(Trouble.SLOW, "no whole answer in time")

    async def get(self, member: Member, path: str, *, timeout_s: float) -> Answer | Failure:
        return Failure(Trouble.REFUSED, "nothing there", "not_found")


class Desk:
    """A node, its disk, and its peers. The background work is the outbox's alone."""

    def __init__(self, members: int = 3, *, disk: Disk | None = None, **settings: Any) -> None:
        keys = [signer(f"miner-{number}") for number in range(members)]
        self.keys = keys
        self.peers = ScriptedPeers({key.hotkey: Scripted(key) for key in keys})
        self.disk = disk if disk is not None else Disk()
        self.shelf = DiskShelf(self.disk)
        self.table = RoutingTable(EVERY, keys[0].hotkey)
        self.block = FIRST_PLACEMENT
        self.place(range(members))
        self.replication = Replication(
            signer=keys[0],
            verify=verify,
            table=self.table,
            shelf=self.shelf,
            peers=self.peers,
            clock=SkewedClock(asyncio.get_running_loop()),
            settings=MinerSettings(**settings),
            chance=random.Random(7),
            side_texts=no_text,
            searches=lambda: 0,
        )

    def place(self, uids: Sequence[int], *, step: bool = True) -> None:
        """Move to the next placement block, with these as members."""
        self.block += EVERY if step else 0
        now, before = (self.snapshot(n, uids) for n in (self.block, self.block - EVERY))
        assert self.table.bootstrap(now, before)

    def snapshot(self, number: int, uids: Sequence[int]) -> Snapshot:
        neurons = tuple(neuron(uid, self.keys[uid]) for uid in uids)
        return Snapshot(1, Block(number, number.to_bytes(32, "big")), neurons)

    def peer(self, uid: int) -> Scripted:
        return self.peers.members[self.keys[uid].hotkey]

    def member(self, uid: int) -> Member:
        assert self.table.current is not None
        return next(member for member in self.table.current.members if member.uid == uid)

    async def watch(self, seconds: float) -> None:
        """Let time pass, with the looks at the outbox and the table that a node takes."""
        for _ in range(round(seconds)):
            await self.replication._look()
            await asyncio.sleep(1)

    async def put(
        self, records: Sequence[NewRecord], minimum: int | None = None
    ) -> list[Placed | Exception]:
        return await self.replication.spread.put(records, [minimum] * len(records))

    def requests(self, uid: int, path: str = "/replica") -> list[Sent]:
        return [sent for sent in self.peers.sent if (sent.uid, sent.path) == (uid, path)]

    def sizes(self, uid: int) -> list[int]:
        """Records in each POST /replica to the member."""
        return [sent.records for sent in self.requests(uid)]


async def no_text(_: str) -> bytes | None:
    return None


def neuron(uid: int, key: Signer) -> Neuron:
    return Neuron(
        uid=uid,
        hotkey=key.hotkey,
        coldkey="",
        public_key=key.public_key,
        axon=Axon("127.0.0.1", 8000 + uid),
        stake=0,
        incentive=0,
        dividends=0,
        emission=0,
        validator_permit=False,
        last_update=0,
        registered_at=uid,
        registered_hash=bytes([uid]) * 32,
    )


@cache
def records(count: int, seed: int = 1, filling: int = 0) -> tuple[NewRecord, ...]:
    """Records of random vectors; ``filling`` is the length of a string in each one's metadata."""
    rows = np.random.default_rng(seed).standard_normal((count, 384)).astype(np.float32)
    metadatas = [{"n": n, "seed": seed, "filling": "x" * filling} for n in range(count)]
    cids = generate_cids(rows, metadatas)
    made = zip(cids, rows, metadatas, strict=True)
    return tuple(NewRecord(cid, row, metadata) for cid, row, metadata in made)


def queued(disk: Disk, news: Sequence[NewRecord], seats: Sequence[int]) -> None:
    """Records that were ingested before, with deliveries that nobody has made."""
    disk.put([replace(new, deliver_to=tuple(seats)) for new in news])


def at_desk(test: Callable[[], Coroutine[Any, Any, T]]) -> Callable[[], T]:
    """Run a test in simulated time."""

    def run() -> T:
        return simulate(test())

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run

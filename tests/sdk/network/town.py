"""A network in memory: nodes that answer as honest miners do, and as a test has them misbehave.

Everything runs on a simulated loop: an answer takes as long as the node says, in no time at all.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

import numpy as np
import orjson
from numpy.typing import NDArray

from engram.core import generate_cid
from engram.core.embedding import from_base64, to_base64
from engram.core.where import matches, parse_where
from engram.dht import Member, Membership
from engram.errors import ServerUnreachable
from engram.sdk.exchange import Answer
from engram.sdk.network import AsyncEngramNetwork
from engram.sdk.network.view import View
from tests.simulation.loop import simulate

T = TypeVar("T")
Json = dict[str, Any]
Vector = NDArray[np.float32]
PLACEMENT = 100
LONG_AGO_S = -3_600.0
"""When the records of a test's beginning were stored, on the simulated loop's clock."""


@dataclass(frozen=True)
class Stored:
    """A record on a node."""

    cid: str
    vector: Vector
    metadata: Json
    at: float
    """Seconds of the loop."""

    def body(self) -> Json:
        """As GET /retrieve gives it."""
        return {
            "cid": self.cid,
            "model_version": "v1",
            "metadata": self.metadata,
            "embedding_b64": to_base64(self.vector),
            "text": self.metadata.get("text"),
            "stored_at": self.at,
        }


def refusal(status: int, code: str, **details: Any) -> Answer:
    return Answer(status, orjson.dumps({"error": f"It is {code}.", "code": code, **details}))


Lie = Callable[[str, Json, Json], Json]
"""Takes the path, the request's body and the honest reply; gives what is said instead."""


def honest(_path: str, _asked: Json, reply: Json) -> Json:
    return reply


@dataclass
class Node:
    """One miner."""

    member: Member
    records: dict[str, Stored] = field(default_factory=dict)
    """In order of arrival."""
    takes_s: float = 0.02
    up: bool = True
    hangs: bool = False
    """True: it takes connections and never answers."""
    lie: Lie = honest
    refuses: Answer | None = None
    """What it says to everything, if anything."""
    before: Callable[[str, Json], None] = lambda _path, _asked: None
    """Called with each request before it is answered."""

    def put(self, stored: Stored) -> None:
        self.records.setdefault(stored.cid, stored)

    def answer(self, path: str, asked: Json) -> Answer:
        """What it says, with its lie."""
        if self.refuses is not None:
            return self.refuses
        handlers = {
            "/QuerySynapse": self._query,
            "/has": self._has,
            "/list": self._list,
            "/IngestSynapse": self._ingest,
            "/batch/ingest": self._ingest_many,
        }
        if path.startswith("/retrieve/"):
            found = self.records.get(path.removeprefix("/retrieve/"))
            if found is None:
                return refusal(404, "not_found")
            reply = found.body()
        else:
            reply = handlers[path](asked)
        return Answer(200, orjson.dumps(self.lie(path, asked, reply)))

    def _query(self, asked: Json) -> Json:
        query = unit(from_base64(asked["query_b64"]))
        where = parse_where(asked["where"]) if asked.get("where") else None
        hits: list[Json] = [
            {
                "cid": one.cid,
                "score": float(unit(one.vector) @ query),
                "metadata": one.metadata,
                "text": one.metadata.get("text"),
                "age_ms": self._age_ms(one),
            }
            for one in self.records.values()
            if where is None or matches(where, one.metadata)
        ]
        hits.sort(key=lambda hit: (-hit["score"], hit["cid"]))
        return {"results": hits[: asked["top_k"]], "latency_ms": 1.0, "warnings": []}

    def _has(self, asked: Json) -> Json:
        held = {cid: self.records[cid] for cid in asked["cids"] if cid in self.records}
        return {"held": {cid: self._age_ms(one) for cid, one in held.items()}}

    def _list(self, asked: Json) -> Json:
        start, limit = int(asked.get("cursor") or 0), asked["limit"]
        where = parse_where(asked["where"]) if asked.get("where") else None
        rows = [*self.records.values()]
        page = [
            one for one in rows[start : start + limit] if not where or matches(where, one.metadata)
        ]
        end = start + limit
        return {
            "records": [one.body() for one in page],
            "cursor": str(end) if end < len(rows) else None,
        }

    def _ingest(self, asked: Json) -> Json:
        stored = record(from_base64(asked["embedding_b64"]), asked["metadata"], now())
        known = stored.cid in self.records
        self.put(stored)
        replicas = {"required": 3, "acknowledged": asked.get("min_replicas", 1), "receipts": []}
        return {
            "cid": stored.cid,
            "truncated": False,
            "duplicate": known,
            "exact": True,
            "replicas": replicas,
        }

    def _ingest_many(self, asked: Json) -> Json:
        return {"outcomes": [self._ingest(one) for one in asked["items"]]}

    def _age_ms(self, one: Stored) -> int:
        return int((now() - one.at) * 1000)


class Town:
    """The nodes, the placement that names them, and a count of what was asked of whom."""

    def __init__(self, size: int, *, seed: int = 1, previous: Membership | None = None) -> None:
        chance = Random(seed)
        members = tuple(member(uid, chance.randbytes(32)) for uid in range(size))
        self.membership = Membership(PLACEMENT, bytes(32), members)
        self.previous = previous
        self.nodes = {one.uid: Node(one) for one in members}
        self.asked: Counter[tuple[int, str]] = Counter()
        """By UID and path without its last part."""
        self.closed = False

    def __getitem__(self, uid: int) -> Node:
        return self.nodes[uid]

    def place(self, *records: Stored) -> None:
        """Put each on its holders."""
        for one in records:
            for holder in self.membership.assigned(one.cid):
                self.nodes[holder.uid].put(one)

    def holders(self, cid: str) -> list[int]:
        return [holder.uid for holder in self.membership.assigned(cid)]

    def asked_for(self, path: str) -> int:
        """How many requests there were, of all nodes."""
        return sum(count for (_, one), count in self.asked.items() if one == path)

    def network(self, **options: Any) -> AsyncEngramNetwork:
        """A client of it all."""
        given: dict[str, Any] = {"embed": "remote", "chance": Random(7), "now": now} | options
        return AsyncEngramNetwork(discovery=self, ask=lambda: self, **given)

    # As Discovery.

    def remembered(self) -> View | None:
        return None

    async def look(self) -> View:
        return View(self.membership, self.previous)

    async def next_look_s(self) -> float:
        return 1_000_000.0

    # As Ask.

    async def send(self, url: str, method: str, path: str, content: bytes | None) -> Answer:
        node = next(one for one in self.nodes.values() if one.member.url == url)
        asked = orjson.loads(content) if content else {}
        self.asked[node.member.uid, "/" + path.split("/")[1]] += 1
        if not node.up:
            raise ServerUnreachable(f"{url} refuses connections.")
        if node.hangs:
            await asyncio.sleep(1e9)
        await asyncio.sleep(node.takes_s)
        node.before(path, asked)
        return node.answer(path, asked)

    async def close(self) -> None:
        self.closed = True


def member(uid: int, registered_hash: bytes) -> Member:
    return Member(
        uid=uid,
        hotkey=f"hotkey-{uid}",
        public_key=bytes(32),
        url=f"http://node-{uid}:8091",
        registered_at=1_000 + uid,
        registered_hash=registered_hash,
    )


def now() -> float:
    return asyncio.get_running_loop().time()


def unit(vector: Vector) -> Vector:
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def direction(seed: object) -> Vector:
    """A random vector of unit length."""
    number = int.from_bytes(hashlib.sha256(str(seed).encode()).digest()[:8], "big")
    return unit(np.random.default_rng(number).standard_normal(384).astype(np.float32))


def near(vector: Vector, share: float, seed: object) -> Vector:
    """A vector whose cosine with another of unit length is the share, or nearly."""
    other = direction(seed)
    other = unit(other - (other @ vector) * vector)
    return unit(share * vector + np.sqrt(1 - share**2) * other)


def record(vector: Vector, metadata: Json, at: float = LONG_AGO_S) -> Stored:
    return Stored(generate_cid(vector, metadata), vector, metadata, at)


def records(count: int, seed: int = 0, **metadata: Any) -> list[Stored]:
    """Random ones."""
    return [
        record(direction((seed, n)), {"text": f"record {n}", "n": n, **metadata})
        for n in range(count)
    ]


def exact(all_records: Sequence[Stored], query: Vector, top_k: int) -> list[str]:
    """The CIDs of the true answer."""
    scored = [(-float(unit(one.vector) @ unit(query)), one.cid) for one in all_records]
    return [cid for _, cid in sorted(scored)[:top_k]]


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """On a simulated loop."""
    return simulate(main())

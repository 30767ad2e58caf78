"""A search over a network of five miners, each 20 ms away: what it finds, and how long it takes."""

from __future__ import annotations

import asyncio
import random
import signal
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bare import TOP_K, Vectors
from benchmarks.data import load_corpus
from benchmarks.filled import records, store_all
from benchmarks.measure import Gate, median, ratio, results
from benchmarks.process import Server, miner
from benchmarks.scale import Scale
from engram.config import StoreSettings
from engram.dht import Member, Membership
from engram.sdk import wire
from engram.sdk.exchange import Answer
from engram.sdk.network import AsyncEngramNetwork, NetworkResults
from engram.sdk.network.ask import HttpAsk
from engram.sdk.network.view import View
from engram.storage import open_store
from engram.storage.interface import NewRecord

MINERS = 5
AWAY_S = 0.02  # of each miner, on top of what the loopback takes
DOWN = 2
"""The miner that stops answering."""
WARM = 20  # searches before the measured ones, in which latencies are learned
TIMED = 200  # searches behind each p50: a thousand, five miners and five runs are ten minutes


class Away(HttpAsk):
    """The network, with a way to each miner that takes AWAY_S."""

    async def send(self, url: str, method: str, path: str, content: bytes | None) -> Answer:
        await asyncio.sleep(AWAY_S)
        return await super().send(url, method, path, content)


@dataclass(frozen=True)
class Known:
    """The members, as a chain would name them."""

    view: View

    def remembered(self) -> View | None:
        return self.view

    async def look(self) -> View:
        return self.view

    async def next_look_s(self) -> float:
        return 3_600.0

    async def close(self) -> None:
        pass


@dataclass(frozen=True)
class Searched:
    """What came of all queries, one after the other."""

    found: list[NetworkResults]
    p50_ms: float


def run(scale: Scale, work: Path) -> dict[str, Any]:
    """Fill five stores by placement, serve them, search with all of them and without one."""
    corpus = load_corpus(scale)
    texts, vectors = corpus.texts[: scale.networked], corpus.vectors[: scale.networked]
    everything = records(texts, vectors)
    truth = exact(vectors, corpus.queries, everything)
    membership = placed(["" for _ in range(MINERS)])
    for member in membership.members:
        fill(work / f"miner-{member.uid}", everything, membership, member.uid)
    with serving(work) as servers:
        urls = [f"http://127.0.0.1:{server.port}" for server in servers]
        return asyncio.run(measured(scale, View(placed(urls)), servers, corpus.queries, truth))


async def measured(
    scale: Scale, view: View, servers: Sequence[Server], queries: Vectors, truth: list[set[str]]
) -> dict[str, Any]:
    """All miners answer, then one is frozen: it takes connections and says nothing."""
    async with network(view) as client:
        full = await searched(client, queries)
        whole, single = await alternating(scale, view, client, queries[:TIMED])
    servers[DOWN].process.send_signal(signal.SIGSTOP)
    try:
        async with network(view) as client:
            without = await searched(client, queries)
    finally:
        servers[DOWN].process.send_signal(signal.SIGCONT)
    hits = [hit for found in full.found for hit in found]
    named = [DOWN in {one.node.uid for one in found.silent} for found in without.found]
    return results(
        [
            Gate("recall@10 over the whole network", 0.98, "at least", [recall(full, truth)]),
            Gate("recall@10 with one miner down", 0.98, "at least", [recall(without, truth)]),
            Gate(
                "answers with one miner down that are complete and name it",
                1.0,
                "at least",
                [share(n and f.complete for n, f in zip(named, without.found, strict=True))],
            ),
            ratio(
                "network search p50, over the slowest miner's own",
                whole,
                single,
                "at most",
                1.5,
                "ms",
            ),
        ],
        {
            "records": scale.networked,
            "queries": len(queries),
            "hits confirmed": share(hit.confirmed for hit in hits),
            "miners asked": median([found.asked for found in full.found]),
            "with one miner down, p50 ms": without.p50_ms,
            "first search with one miner down, ms": without.found[0].latency_ms,
            "p99 ms": percentile([found.latency_ms for found in full.found], 99),
        },
    )


async def alternating(
    scale: Scale, view: View, client: AsyncEngramNetwork, queries: Vectors
) -> tuple[list[float], list[float]]:
    """p50 of the network and of its slowest miner in turn, in milliseconds."""
    whole: list[float] = []
    single: list[float] = []
    for _ in range(scale.runs):
        whole.append((await searched(client, queries)).p50_ms)
        single.append(await slowest(view, queries))
    return whole, single


async def slowest(view: View, queries: Vectors) -> float:
    """Milliseconds: p50 of the slowest miner, asked directly and alone over the same way."""
    ask = Away()
    calls = [wire.query_by_vector(query, TOP_K) for query in queries]
    try:
        return max([await alone(ask, member.url, calls) for member in view.members])
    finally:
        await ask.close()


async def alone(ask: Away, url: str, calls: Sequence[wire.Call[Any]]) -> float:
    async def one(call: wire.Call[Any]) -> None:
        answer = await ask.send(url, call.method, call.path, call.content)
        wire.parsed(call, wire.decode(answer.content))

    for call in calls[:WARM]:
        await one(call)
    return await p50_ms([lambda call=call: one(call) for call in calls])  # type: ignore[misc]


async def searched(client: AsyncEngramNetwork, queries: Vectors) -> Searched:
    found: list[NetworkResults] = []

    async def one(query: Vectors) -> None:
        found.append(await client.query(query, TOP_K))

    calls = [lambda query=query: one(query) for query in queries]
    return Searched(found, await p50_ms(calls))


async def p50_ms(calls: Sequence[Callable[[], Awaitable[None]]]) -> float:
    """Of calls one after the other."""
    took = []
    for call in calls:
        began = time.perf_counter()
        await call()
        took.append((time.perf_counter() - began) * 1000)
    return float(statistics.median(took))


@asynccontextmanager
async def network(view: View) -> AsyncIterator[AsyncEngramNetwork]:
    async with AsyncEngramNetwork(discovery=Known(view), embed="remote", ask=Away) as client:
        yield client


def placed(urls: Sequence[str]) -> Membership:
    """Five members whose places are drawn once."""
    chance = random.Random(5)
    members = tuple(
        Member(uid, f"miner {uid}", b"", url, 1_000 + uid, chance.randbytes(32))
        for uid, url in enumerate(urls)
    )
    return Membership(100, bytes(32), members)


def fill(folder: Path, everything: Sequence[NewRecord], membership: Membership, uid: int) -> None:
    """Store what placement names this miner for, as replication would have brought it."""
    holders = membership.assigned_many([record.cid for record in everything])
    store = open_store(folder, StoreSettings())
    try:
        its = zip(everything, holders, strict=True)
        store_all(store, [r for r, named in its if uid in {member.uid for member in named}])
        if not store.drain(timeout=600):
            raise TimeoutError("the index did not drain")
        store.snapshot()
    finally:
        store.close()


@contextmanager
def serving(work: Path) -> Iterator[list[Server]]:
    """A miner on each folder, in a process of its own."""
    with ExitStack() as stack:
        yield [stack.enter_context(miner(work / f"miner-{uid}")) for uid in range(MINERS)]


def exact(vectors: Vectors, queries: Vectors, kept: Sequence[NewRecord]) -> list[set[str]]:
    """The CIDs of each query's true answer, over everything."""
    scores = queries @ vectors.T
    best = np.argpartition(-scores, TOP_K, axis=1)[:, :TOP_K]
    return [{kept[at].cid for at in row} for row in best]


def recall(one: Searched, truth: Sequence[set[str]]) -> float:
    pairs = zip(one.found, truth, strict=True)
    return statistics.fmean(len({hit.cid for hit in found} & best) / TOP_K for found, best in pairs)


def share(values: Iterator[bool] | Any) -> float:
    return statistics.fmean(float(value) for value in values)


def percentile(values: Sequence[float], percent: int) -> float:
    return float(np.percentile(values, percent))

"""The network for asyncio: everything is written here once."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from engram.errors import InvalidInput
from engram.sdk.exchange import Exchange, RetryPolicy
from engram.sdk.items import Item, Vector, as_items
from engram.sdk.network.ask import Ask, Asking, HttpAsk
from engram.sdk.network.from_peers import PeersDiscovery
from engram.sdk.network.listing import Listing
from engram.sdk.network.query import NetworkQuery, question_of
from engram.sdk.network.reading import Reading
from engram.sdk.network.results import NetworkPage, NetworkResults, NetworkVerification
from engram.sdk.network.roll import Roll
from engram.sdk.network.standing import MemberStanding, Standing
from engram.sdk.network.view import Discovery, View
from engram.sdk.network.writing import Writing
from engram.sdk.outcomes import all_stored
from engram.sdk.own_embedder import Embed, OwnEmbedder
from engram.sdk.results import Ingested, Metadata, Outcomes, Record
from engram.sdk.scope import Scope

DEADLINE_S = 5.0
"""For a search as a whole: ten times what an unknown member gets before another one is asked."""
TIMEOUT_S = 30.0  # for each request of what is no search
PAGE = 100

MakeAsk = Callable[[], Ask]


class AsyncEngramNetwork:
    """All members of a subnet together, for one event loop.

    Give it one of ``chain`` (``dev:PATH``, ``finney``, ``test``, ``ws://...``), from which the
    members are read, with the subnet's ``netuid`` and ``placement_blocks``; ``url`` of any node,
    which then is believed who the others are; or a ``discovery`` of your own.

    ``cache`` is a folder that keeps the last good membership. ``embed`` as for EngramClient; texts
    to search for are embedded here by any embedder that this machine has. ``deadline_s`` is for a
    search as a whole, ``timeout_s`` for each request of anything else.

    ``ask``, ``chance`` and ``now`` are the network, randomness and the clock (unix seconds); how
    long things take is measured by the event loop. Tests hand in their own.
    """

    def __init__(
        self,
        chain: str | None = None,
        *,
        netuid: int = 1,
        placement_blocks: int = 100,
        url: str | None = None,
        discovery: Discovery | None = None,
        cache: str | Path | None = None,
        embed: Embed = "auto",
        deadline_s: float = DEADLINE_S,
        timeout_s: float = TIMEOUT_S,
        retry: RetryPolicy | None = None,
        ask: MakeAsk = HttpAsk,
        chance: random.Random | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._ask = ask()
        self._roll = Roll(
            _discovery(chain, netuid, placement_blocks, url, discovery, cache, self._ask)
        )
        self._own = OwnEmbedder(embed)
        self._exchange = Exchange(retry or RetryPolicy(), self._own)
        self._chance = chance or random.Random()
        self._now = now
        self._deadline_s = deadline_s
        self._timeout_s = timeout_s
        self._standing = Standing(_loop_time)
        self._asking = Asking(self._ask, self._standing)

    async def query(
        self,
        asked: str | Vector,
        top_k: int = 10,
        where: Metadata | None = None,
        *,
        namespace: str | None = None,
        verify: bool = False,
        deadline_s: float | None = None,
    ) -> NetworkResults:
        """The records nearest to a text or a vector, of the whole network; ``top_k`` is 1..100.

        ``verify`` fetches each hit's record and computes CID and score again, drops what does not
        match, and names who said it. Raises InvalidInput for a bad search, ServerUnreachable if
        nobody answers.
        """
        narrowed = Scope(namespace, user_id=None).where(where)
        question = await question_of(asked, top_k, narrowed, verify, self._own)
        view = await self._view()
        return await NetworkQuery(
            self._asking, view, question, deadline_s or self._deadline_s
        ).run()

    async def get(self, cid: str) -> Record:
        """One record, from whichever holder gives the bytes that hash to its CID.

        Raises InvalidCid, NotFound, RefusedHere, CidMismatch or ServerUnreachable.
        """
        return await (await self._reading()).get(cid)

    async def has(self, cids: Sequence[str]) -> dict[str, int]:
        """Age in milliseconds of the oldest copy of those CIDs that a holder has."""
        return await (await self._reading()).has(cids)

    async def verify(self, cid: str, *, metadata: Metadata | None = None) -> NetworkVerification:
        """Fetch the record from each of its holders, and judge each by itself."""
        reading = await self._reading()
        return await reading.verify(cid, metadata, self._own.for_checking)

    async def page(
        self, limit: int = PAGE, cursor: str | None = None, where: Metadata | None = None
    ) -> NetworkPage:
        """Up to ``limit`` (1..1,000) records, each once in the whole listing; go on at its
        ``cursor``. Not in order of arrival: that is each node's own."""
        view = await self._view()
        listing = Listing(self._asking, view, where, limit, self._timeout_s, self._now)
        return await listing.page(cursor)

    async def list(
        self,
        where: Metadata | None = None,
        *,
        namespace: str | None = None,
        page_size: int = PAGE,
    ) -> AsyncIterator[Record]:
        """Every record of the network once, fetched a page at a time."""
        narrowed = Scope(namespace, user_id=None).where(where)
        cursor = None
        while True:
            page = await self.page(page_size, cursor, narrowed)
            for record in page.records:
                yield record
            if (cursor := page.cursor) is None:
                return

    async def add(
        self,
        text: str,
        metadata: Metadata | None = None,
        *,
        namespace: str | None = None,
        min_replicas: int | None = None,
    ) -> Ingested:
        """Store a text, at one of its holders where the CID is known here.

        It also goes into ``metadata["text"]``, so that the CID covers it. ``min_replicas`` (1..3)
        raises TooFewReplicas unless so many holders have it in time; it is stored all the same.
        """
        item = Scope(namespace, user_id=None).item(text, metadata or {})
        return await (await self._writing()).add(item, min_replicas)

    async def ingest_many(self, items: Iterable[Item], *, namespace: str | None = None) -> Outcomes:
        """Store texts or JSONL objects in batches; one Ingested or Failed for each, in order."""
        scope = Scope(namespace, user_id=None)
        scoped = (scope.item(one) if namespace else one for one in as_items(items))
        return await (await self._writing()).add_many(scoped)

    async def add_many(
        self, items: Iterable[Item], *, namespace: str | None = None
    ) -> Sequence[Ingested]:
        """``ingest_many``, raising the first item's error once the others are stored."""
        return all_stored(await self.ingest_many(items, namespace=namespace))

    async def members(self) -> Sequence[MemberStanding]:
        """Who the members are, and how they have behaved towards this client."""
        return [self._standing.of(member) for member in (await self._view()).members]

    async def refresh(self) -> None:
        """Look for the members now, not only at the next placement block."""
        await self._roll.refresh()

    async def close(self) -> None:
        """End the background task and close the connections."""
        await self._roll.close()
        await self._ask.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _view(self) -> View:
        view = await self._roll.view()
        self._asking.dials = view.dials
        return view

    async def _reading(self) -> Reading:
        return Reading(self._asking, await self._view(), self._timeout_s)

    async def _writing(self) -> Writing:
        view = await self._view()
        return Writing(self._asking, view, self._exchange, self._timeout_s, self._chance)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


def _discovery(
    chain: str | None,
    netuid: int,
    placement_blocks: int,
    url: str | None,
    discovery: Discovery | None,
    cache: str | Path | None,
    ask: Ask,
) -> Discovery:
    """Raises InvalidInput unless exactly one way to find the members is given."""
    if sum(one is not None for one in (chain, url, discovery)) != 1:
        raise InvalidInput(
            'Name one way to find the members: EngramNetwork("finney", netuid=...), '
            'EngramNetwork(url="http://...") with any node, or a discovery of your own.'
        )
    if discovery is not None:
        return discovery
    if url is not None:
        return PeersDiscovery(url, ask)
    from engram.sdk.network.from_chain import ChainDiscovery  # brings what the chain needs

    folder = None if cache is None else Path(cache)
    return ChainDiscovery(
        chain or "", netuid=netuid, placement_blocks=placement_blocks, folder=folder
    )

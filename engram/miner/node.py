"""What the rooms of a miner share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from engram import __version__, core
from engram.config import MinerSettings
from engram.dht import RoutingTable
from engram.errors import Forbidden, NotReady
from engram.miner.chain_link import ChainLink
from engram.miner.chain_view import NO_CHAIN, ChainView
from engram.miner.embedder import MinerEmbedder
from engram.miner.landing import Landing
from engram.miner.lane import Lane
from engram.miner.metrics import Metrics
from engram.miner.replication.replication import Replication
from engram.miner.replication.spread import Placed, alone
from engram.miner.replication.summary import summary
from engram.miner.scores import ScoreBoard
from engram.miner.senders import Senders
from engram.miner.store import MinerStore
from engram.net.body import BodyLimits
from engram.net.limits import Quotas
from engram.protocol import MAX_BATCH, MAX_BODY_BYTES, MAX_LINE_BYTES
from engram.storage.interface import NewRecord

BULK_THREADS = 2  # parsing of large bodies, CIDs of batches, encoding of pages
BULK_WAITING = 64  # bodies of up to 8 MiB


class Node:
    """One miner: its settings and clocks, and the parts that appear once they are loaded."""

    def __init__(
        self,
        settings: MinerSettings,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.clock = clock
        """Unix seconds."""
        self.monotonic = monotonic
        """Seconds that never go back."""
        self.started_at = monotonic()
        self.stopping = False
        self.public_chain = False
        """True once the node is on a chain that others share: there a text must get the same CID
        whoever stores it, so texts are taken only by an exact embedder."""
        self.metrics = Metrics()
        self.landing = Landing(asyncio.get_running_loop())
        self.bulk = Lane(
            "bulk", BULK_THREADS, BULK_WAITING, settings.request_deadline_s, self.landing
        )
        self.bodies = BodyLimits(MAX_BODY_BYTES, MAX_LINE_BYTES, MAX_BATCH, settings.body_timeout_s)
        self._link: ChainLink | None = None
        self._alone = RoutingTable(settings.placement_blocks)
        self._board: ScoreBoard | None = None
        self._replication: Replication | None = None
        self.searching = 0
        """Queries in flight, to which work in the background gives way."""
        self._senders: Senders | None = None
        self._store: MinerStore | None = None
        self._embedder: MinerEmbedder | None = None
        self.metrics.gauge("ready", "1 if the node answers everything.", lambda: self.ready)

    def open(self, store: MinerStore, embedder: MinerEmbedder) -> None:
        """From now on the node answers everything."""
        self._store, self._embedder = store, embedder
        self.metrics.watch_store(store.store.stats)
        self.metrics.gauge(
            "store_uncommitted_records",
            "Records that wait for the disk.",
            lambda: store.uncommitted,
        )
        self.metrics.gauge(
            "embedder_waiting_texts", "Texts in the embedder's queue.", lambda: embedder.waiting
        )
        self.metrics.say_what_runs(__version__, core.BACKEND, embedder.name, embedder.exact)

    def join(self, link: ChainLink) -> None:
        """From now on the node is on a chain, or tries to be."""
        self._link = link
        self.public_chain = link.chain.is_public
        self.metrics.watch_chain(lambda: link.view)
        self._senders = Senders(
            link.table,
            lambda: link.view.metagraph,
            Quotas(self.settings.peer_rate_per_s, self.settings.peer_burst, self.monotonic),
            self.bodies,
            self.clock,
            self.monotonic,
        )
        link.start()
        if urls := self.settings.validators:
            self._board = ScoreBoard(urls, link.place.hotkey, link.pace.metagraph_every_s)
            self._board.start()

    def replicate(self, replication: Replication) -> None:
        """From now on the node shares its records with the other members."""
        self._replication = replication
        self.metrics.watch_replication(lambda: summary(replication))
        replication.start()

    async def leave(self) -> None:
        """Stop asking validators."""
        if self._board is not None:
            await self._board.stop()

    async def withdraw(self) -> None:
        """Stop talking to other members. What waits for them is on disk."""
        if self._replication is not None:
            await self._replication.stop()

    async def put(
        self, records: Sequence[NewRecord], minima: Sequence[int | None]
    ) -> list[Placed | Exception]:
        """Store records durably and see them to their holders, see ``Spread.put``."""
        if self._replication is not None:
            return await self._replication.spread.put(records, minima)
        stored = await self.store.put(records)
        return [alone(*each) for each in zip(stored, minima, strict=True)]

    @property
    def scores(self) -> dict[str, float | None]:
        """What validators say of this node, by their hotkeys."""
        return self._board.scores if self._board is not None else {}

    @property
    def chain(self) -> ChainView:
        """What is known of the chain."""
        return self._link.view if self._link is not None else NO_CHAIN

    @property
    def table(self) -> RoutingTable:
        """Whom CIDs are assigned to; without a chain the node is alone in it."""
        return self._link.table if self._link is not None else self._alone

    @property
    def senders(self) -> Senders:
        """Who may send signed requests. Raises Forbidden on a node without a chain."""
        if self._senders is None:
            raise Forbidden("This node is on no chain, so it takes nothing from other miners.")
        return self._senders

    @property
    def replication(self) -> Replication | None:
        """The node's part in the network; None without a chain, and while the node loads."""
        return self._replication

    @property
    def ready(self) -> bool:
        """True if index and embedder are loaded and the node is not stopping."""
        return self._store is not None and not self.stopping

    @property
    def store(self) -> MinerStore:
        """Raises NotReady while it loads."""
        if self._store is None:
            raise NotReady("The store is still loading; /ready says when.", retry_after=1)
        return self._store

    @property
    def embedder(self) -> MinerEmbedder:
        """Raises NotReady while it loads."""
        if self._embedder is None:
            raise NotReady("The embedder is still loading; /ready says when.", retry_after=1)
        return self._embedder

    def age_ms(self, stored_at: float) -> int:
        """Milliseconds since then; never negative, though clocks may step back."""
        return max(0, round((self.clock() - stored_at) * 1000))

    def close(self) -> None:
        """Finish what runs, stop the threads, release the data directory. Blocks."""
        self.stopping = True
        if self._link is not None:
            self._link.close()
        self.bulk.close()
        if self._embedder is not None:
            self._embedder.close()
        if self._store is not None:
            self._store.close()

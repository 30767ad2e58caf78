"""One node's part in a network: everything that sees records to their holders, put together."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from engram.chain.interface import Signer
from engram.config import MinerSettings
from engram.dht import Member, RoutingTable
from engram.miner.replication.account import Account
from engram.miner.replication.acknowledge import Acknowledgements
from engram.miner.replication.compare import Comparison
from engram.miner.replication.courier import Courier
from engram.miner.replication.courtesy import Courtesy
from engram.miner.replication.custody import Custody
from engram.miner.replication.deliver import Carrier
from engram.miner.replication.foreign import Sweep
from engram.miner.replication.holders import Holders
from engram.miner.replication.holdings import Holdings
from engram.miner.replication.interface import Clock, Peers, Shelf
from engram.miner.replication.moves import Moves
from engram.miner.replication.outbox import Outbox
from engram.miner.replication.reach import Reach
from engram.miner.replication.receipts import Receipts, Verify
from engram.miner.replication.receive import Receiver
from engram.miner.replication.side_texts import Embed
from engram.miner.replication.spread import Spread
from engram.miner.replication.tally import Tally
from engram.net.background import attempted

WATCH_EVERY_S = 1.0  # the table moves every 20 minutes; a look costs microseconds
FRESH = 12  # a part of the interval between comparisons: what is here is looked up every 5 s of 60


class Replication:
    """What a node on a chain does for the records of the network.

    Nothing in here is real by itself: clock, peers, shelf, keys and chance are handed in, so that
    a simulation runs the same rules. ``searches`` says how many queries are in flight,
    ``side_texts`` embeds exactly (None on a node that cannot).
    """

    def __init__(
        self,
        *,
        signer: Signer,
        verify: Verify,
        table: RoutingTable,
        shelf: Shelf,
        peers: Peers,
        clock: Clock,
        settings: MinerSettings,
        chance: random.Random,
        side_texts: Embed,
        searches: Callable[[], int],
    ) -> None:
        self.table = table
        self.shelf = shelf
        self.peers = peers
        self.clock = clock
        self.settings = settings
        self.tally = Tally()
        self.reach = Reach(table, clock, settings.absent_after_s)
        self.holders = Holders(table, self.reach)
        self.receipts = Receipts(signer, verify)
        self.courtesy = Courtesy(clock, searches, settings.repair_bytes_per_s)
        self.acknowledgements = Acknowledgements()
        self.carrier = Carrier(self.holders, peers, self.receipts, self.reach, self.tally)
        self._chance = chance
        self.outbox = Outbox(shelf, self._hire, settings.outbox_limit, clock)
        self.reach.on_return = self._returned
        self.receiver = Receiver(table, shelf, self.receipts, side_texts)
        self.moves = Moves(self.holders, shelf, self.outbox)
        self.spread = Spread(
            shelf=shelf,
            holders=self.holders,
            outbox=self.outbox,
            receipts=self.receipts,
            acknowledgements=self.acknowledgements,
            clock=clock,
            deadline_s=settings.replicate_deadline_s,
        )
        every_s = settings.compare_every_s
        self.holdings = Holdings(shelf, clock, every_s / FRESH)
        self.compare = Comparison(
            table=table,
            reach=self.reach,
            holdings=self.holdings,
            outbox=self.outbox,
            peers=peers,
            courtesy=self.courtesy,
            clock=clock,
            chance=chance,
            every_s=every_s,
        )
        self.foreign = Sweep(
            holders=self.holders,
            holdings=self.holdings,
            shelf=shelf,
            custody=Custody(peers, self.reach, self.outbox, self.courtesy),
            clock=clock,
            chance=chance,
            every_s=settings.sweep_every_s,
            keep_s=settings.keep_foreign_s,
        )
        self._tasks: list[asyncio.Task[None]] = []

    def _returned(self, member: Member) -> None:
        """It answers after a silence."""
        self.outbox.wake(member.seat)
        self.compare.soon(member)

    def _hire(self, seat: int) -> Courier:
        account = Account(seat, self.shelf, self.acknowledgements, self.clock, self._chance)
        return Courier(
            account,
            self.shelf,
            self.carrier,
            self.acknowledgements,
            self.courtesy,
            self.clock,
            self._chance,
        )

    def start(self) -> None:
        """Begin the work in the background, on the event loop that runs."""
        self._tasks = [
            asyncio.create_task(self._watch(), name="watch"),
            asyncio.create_task(self.compare.run(), name="compare"),
            asyncio.create_task(self.foreign.run(), name="sweep"),
        ]

    async def stop(self) -> None:
        """End it. What waits for others is on disk."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._tasks = []
        await self.outbox.close()

    def _is_back(self, member: Member) -> None:
        """A silent member answers: bring what waited, and see what else it lacks."""
        self.outbox.wake(member.seat)
        self.compare.soon(member)

    async def _watch(self) -> None:
        while True:
            await attempted("membership", self._look)
            await self.clock.sleep(WATCH_EVERY_S)

    async def _look(self) -> None:
        await self.moves.look()
        await self.outbox.look()

"""The members as the chain lists them: trusted as much as the chain is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from engram.chain import open_chain
from engram.chain.interface import Chain
from engram.dht import RoutingTable
from engram.dht.routing import KEPT
from engram.errors import ChainUnavailable
from engram.sdk.network.view import View

BLOCK_TIME_S = 12.0  # until the chain has said its own
SHORTEST_LOOK_S = 1.0


class ChainDiscovery:
    """Reads the snapshots at the placement blocks. ``folder`` keeps the last good membership.

    Nothing is dialled before the first look. Raises InvalidInput or ChainRejected as
    ``open_chain`` does.
    """

    def __init__(
        self,
        location: str,
        *,
        netuid: int,
        placement_blocks: int,
        folder: Path | None = None,
        deadline_s: float = 30.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._chain: Chain = open_chain(location, None, deadline_s=deadline_s)
        self._netuid = netuid
        self._folder = folder
        self._now = now
        self._table = RoutingTable(placement_blocks, None, folder)
        self._block_time_s = BLOCK_TIME_S
        self._connected = False
        self._same_chain = False
        """False until the membership was compared with what the chain says now."""
        self._lock = asyncio.Lock()

    def remembered(self) -> View | None:
        """What is on disk, if it is no older than one placement."""
        path = None if self._folder is None else self._folder / KEPT
        if path is None or not path.exists():
            return None
        age = self._now() - path.stat().st_mtime
        return self._view() if age <= self._table.every * self._block_time_s else None

    async def look(self) -> View:
        """Ask the chain. Falls back to the last good membership if it does not answer."""
        async with self._lock:
            return await asyncio.to_thread(self._look)

    async def next_look_s(self) -> float:
        """Until the next placement block."""
        async with self._lock:
            return await asyncio.to_thread(self._until_next)

    async def close(self) -> None:
        await asyncio.to_thread(self._chain.close)

    def _look(self) -> View:
        try:
            self._follow()
        except ChainUnavailable:
            self._connected = False
            if self._table.current is None:
                raise
        view = self._view()
        if view is None:
            raise ChainUnavailable(
                f"{self._chain.name} is too young to name the members of subnet {self._netuid}: "
                "that takes two placement blocks. Try again in a moment, or name a node with --url."
            )
        return view

    def _follow(self) -> None:
        self._connect()
        block = self._chain.block()
        number = self._table.placement_block(block.number)
        earlier = number - self._table.every
        if earlier < 0 or not (self._table.behind(block.number) or not self._same_chain):
            return
        self._table.bootstrap(
            self._chain.snapshot(self._netuid, number), self._chain.snapshot(self._netuid, earlier)
        )
        self._same_chain = True

    def _connect(self) -> None:
        if not self._connected:
            self._chain.connect()
            self._block_time_s = self._chain.hyperparameters(self._netuid).block_time_s
            self._connected = True

    def _until_next(self) -> float:
        try:
            self._connect()
            passed = self._chain.block().number % self._table.every
        except ChainUnavailable:
            self._connected = False
            return max(SHORTEST_LOOK_S, self._block_time_s)
        return max(SHORTEST_LOOK_S, (self._table.every - passed) * self._block_time_s)

    def _view(self) -> View | None:
        current = self._table.current
        if current is None:
            return None
        return View(current, self._table.previous, self._chain.is_public)

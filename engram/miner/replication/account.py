"""What is known of one member that records wait for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Sequence

from engram.miner.replication.acknowledge import Acknowledgements
from engram.miner.replication.backoff import Backoff
from engram.miner.replication.deliver import Brought
from engram.miner.replication.interface import Clock, Shelf
from engram.net.background import attempted

RETRY_S = 1.0  # after the disk did not take what was delivered


class Account:
    """A seat: when it may be asked, and what it has acknowledged that is still in the outbox."""

    def __init__(
        self,
        seat: int,
        shelf: Shelf,
        acknowledgements: Acknowledgements,
        clock: Clock,
        chance: random.Random,
    ) -> None:
        self.seat = seat
        self.backoff = Backoff(clock, chance)
        self.silent = False
        """True if the last request got no answer at all."""
        self._shelf = shelf
        self._acknowledgements = acknowledgements
        self._clock = clock
        self._leaving: set[str] = set()
        self._clearing: asyncio.Task[None] | None = None

    @property
    def open(self) -> bool:
        """True if what is new may be sent at once."""
        return not self.silent and self.backoff.left_s == 0

    def settle(self, brought: Brought) -> None:
        """Tell whoever waits; what is done with leaves the outbox."""
        for receipt in brought.receipts:
            self._acknowledgements.arrived(self.seat, receipt)
        self._acknowledgements.put_off(self.seat, brought.kept)
        self.settle_gone(brought.gone)
        self.clear(receipt.cid for receipt in brought.receipts)
        failure = brought.failure
        if failure is not None:
            self.backoff.failed(failure.retry_after)
        else:
            self.backoff.reset()
        self.silent = failure is not None and failure.silent

    def settle_gone(self, cids: Sequence[str]) -> None:
        """These need not be sent any more."""
        self._acknowledgements.refused(self.seat, cids)
        self.clear(cids)

    def is_leaving(self, cid: str) -> bool:
        """True if it is done with and only still on disk."""
        return cid in self._leaving

    def clear(self, cids: Iterable[str]) -> None:
        """Take these off the outbox on disk, together with what else is done by then.

        Nobody waits for this disk: should the process end first, the member is asked again.
        """
        self._leaving.update(cids)
        if self._leaving and (self._clearing is None or self._clearing.done()):
            self._clearing = asyncio.create_task(self._clear(), name=f"clear-{self.seat}")

    async def _clear(self) -> None:
        while self._leaving:
            if not await attempted("outbox", self._clear_some):
                await self._clock.sleep(RETRY_S)

    async def _clear_some(self) -> None:
        cids = list(self._leaving)
        await self._shelf.delivered(self.seat, cids)
        self._leaving.difference_update(cids)

    async def close(self) -> None:
        """Have on disk what was acknowledged. Gives up what the disk does not take at once."""
        if self._clearing is not None and not self._clearing.done():
            self._clearing.cancel()
            await asyncio.wait({self._clearing})
            if self._leaving:
                await attempted("outbox", self._clear_some)

"""What waits for other members: queued on disk, brought by a courier for each seat."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence

from engram.errors import Overloaded
from engram.miner.replication.courier import Courier
from engram.miner.replication.deliver import Parcel
from engram.miner.replication.interface import Clock, Shelf

FULL_RETRY_S = 30.0


class Outbox:
    """Deliveries by seat. ``limit`` is how many may wait before ingests are told to wait."""

    def __init__(
        self, shelf: Shelf, hire: Callable[[int], Courier], limit: int, clock: Clock
    ) -> None:
        self._shelf = shelf
        self._clock = clock
        self._hire = hire
        self._limit = limit
        self._couriers: dict[int, Courier] = {}
        self.waiting: dict[int, int] = {}
        """Seat to deliveries on disk, as of the last look."""
        self._behind_since: dict[int, float] = {}

    async def look(self) -> None:
        """Count what waits, and see that somebody brings it.

        What a request left behind that ended between its commit and its deliveries is found here,
        and so is everything after a restart.
        """
        self.waiting = await self._shelf.waiting()
        now = self._clock.monotonic()
        self._behind_since = {seat: self._behind_since.get(seat, now) for seat in self.waiting}
        for seat in self.waiting:
            courier = self._courier(seat)
            if not courier.busy:
                courier.catch_up()

    @property
    def behind_s(self) -> float:
        """Seconds for which somebody has been waiting all the time, as of the last look."""
        first = min(self._behind_since.values(), default=None)
        return 0.0 if first is None else round(self._clock.monotonic() - first, 1)

    async def queue(self, deliveries: Sequence[tuple[int, str]], *, ask_first: bool) -> int:
        """Have these (seat, CID) pairs delivered; on disk when it returns; how many were new.

        ``ask_first``: the member may have the record already, so it is asked before.
        """
        if not deliveries:
            return 0
        new = await self._shelf.enqueue(deliveries)
        by_seat: defaultdict[int, list[str]] = defaultdict(list)
        for seat, cid in deliveries:
            by_seat[seat].append(cid)
        for seat, cids in by_seat.items():
            self._courier(seat).catch_up(() if ask_first else cids)
        return new

    def bring(self, parcel: Parcel, seats: Sequence[int]) -> None:
        """Deliver at once what was queued with its record a moment ago."""
        for seat in seats:
            self._courier(seat).bring(parcel)

    def wake(self, seat: int) -> None:
        """The member showed itself: what waits for the end of its silence goes now."""
        if seat in self._couriers:
            self._couriers[seat].wake()

    def wake_all(self) -> None:
        """Members may have come, or this node may have become one."""
        for courier in self._couriers.values():
            courier.wake()

    def check_room(self) -> None:
        """Raise Overloaded if too much waits already."""
        if sum(self.waiting.values()) >= self._limit:
            raise Overloaded(
                f"{self._limit:,} copies wait for other miners that do not take them; "
                "send this to another miner, or wait.",
                retry_after=FULL_RETRY_S,
            )

    async def close(self) -> None:
        """Stop all couriers. What they did not bring waits on disk."""
        await asyncio.gather(*(courier.close() for courier in self._couriers.values()))

    def _courier(self, seat: int) -> Courier:
        if seat not in self._couriers:
            self._couriers[seat] = self._hire(seat)
        return self._couriers[seat]

"""Waiting for holders to acknowledge: whoever ingests, and the couriers that bring the receipts."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engram.miner.replication.clock import first_of
from engram.miner.replication.interface import Clock
from engram.protocol import SignedReceipt


@dataclass(slots=True)
class Expected:
    """One record's holders, as far as they have not answered."""

    seats: set[int]
    wanted: int
    """Acknowledgements without which the caller gets an error."""
    late: set[int] = field(default_factory=set)
    """Of ``seats``, those that were tried in vain and will be tried again."""
    receipts: list[SignedReceipt] = field(default_factory=list)

    @property
    def settled(self) -> bool:
        """True if waiting is no use, or not called for."""
        return not self.seats or (self.seats == self.late and len(self.receipts) >= self.wanted)


class Vigil:
    """One request's wait for the holders of its records."""

    def __init__(self, expected: Mapping[str, Expected]) -> None:
        self.expected = expected
        self._open = {cid for cid, each in expected.items() if not each.settled}
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._look_whether_done()

    async def wait(self, clock: Clock, seconds: float) -> None:
        """Return when all is settled, at the latest after ``seconds``."""
        if not self._done.done():
            await first_of(clock, seconds, self._done)

    def arrived(self, seat: int, receipt: SignedReceipt) -> None:
        """A holder has it."""
        expected = self.expected[receipt.cid]
        expected.receipts.append(receipt)
        expected.seats.discard(seat)
        expected.late.discard(seat)
        self._look_at(receipt.cid)

    def refused(self, seat: int, cid: str) -> None:
        """A holder will never have it."""
        self.expected[cid].seats.discard(seat)
        self.expected[cid].late.discard(seat)
        self._look_at(cid)

    def put_off(self, seat: int, cid: str) -> None:
        """A holder was not reached; it is tried again later."""
        self.expected[cid].late.add(seat)
        self._look_at(cid)

    def _look_at(self, cid: str) -> None:
        if self.expected[cid].settled:
            self._open.discard(cid)
            self._look_whether_done()

    def _look_whether_done(self) -> None:
        if not self._open and not self._done.done():
            self._done.set_result(None)


class Acknowledgements:
    """Who waits for which (seat, CID)."""

    def __init__(self) -> None:
        self._vigils: defaultdict[tuple[int, str], list[Vigil]] = defaultdict(list)

    def watch(self, expected: Mapping[str, Expected]) -> Vigil:
        """Start a vigil over records on their way."""
        vigil = Vigil(expected)
        for cid, each in expected.items():
            for seat in each.seats:
                self._vigils[seat, cid].append(vigil)
        return vigil

    def forget(self, vigil: Vigil) -> None:
        """Nobody waits any more."""
        for cid, each in vigil.expected.items():
            for seat in each.seats:
                self._leave((seat, cid), vigil)

    def _leave(self, pair: tuple[int, str], vigil: Vigil) -> None:
        vigils = self._vigils.get(pair, [])
        if vigil in vigils:
            vigils.remove(vigil)
        if not vigils:
            self._vigils.pop(pair, None)

    def arrived(self, seat: int, receipt: SignedReceipt) -> None:
        """A courier brought a verified receipt."""
        for vigil in self._vigils.pop((seat, receipt.cid), []):
            vigil.arrived(seat, receipt)

    def refused(self, seat: int, cids: Iterable[str]) -> None:
        """Refused for good, or no longer due."""
        for cid in cids:
            for vigil in self._vigils.pop((seat, cid), []):
                vigil.refused(seat, cid)

    def put_off(self, seat: int, cids: Iterable[str]) -> None:
        """These did not come through and are tried again."""
        for cid in cids:
            for vigil in self._vigils.get((seat, cid), ()):
                vigil.put_off(seat, cid)

"""Every record of the network once, out of many lists that overlap, without remembering any.

Each member lists its records in its own order of arrival. A record is left to the first of its
living holders that has it: whoever else comes across it asks those before it (POST /has), and
passes it over if one of them lists it too. So no memory grows with the number of records, and a
cursor says all that there is to say: how far each member's list has been read.

A member that falls silent in between takes along what was left to it. Then what was read of the
others is read once more for just that: nothing is missed, but some of it may come twice.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, field, replace
from typing import cast

import orjson

from engram.core.where import parse_where
from engram.dht import Member
from engram.errors import EngramError, InvalidInput
from engram.protocol.fields import MAX_HAS, MAX_LIST
from engram.sdk import wire
from engram.sdk.network.ask import Asking
from engram.sdk.network.proof import intact
from engram.sdk.network.results import NetworkPage, Silent, name_of
from engram.sdk.network.view import View
from engram.sdk.results import Metadata, Page, Record

VERSION = 1
ATTEMPTS = 2  # a page that does not come the second time either is one of a silent member
NEAREST = (
    11  # members of which a CID's lister is one: its holders, and eight that stand in for them
)

log = logging.getLogger("engram.sdk.network")


@dataclass(frozen=True, slots=True)
class Place:
    """How far one member's list has been read."""

    seat: int
    cursor: str | None = None
    """Where its next page begins; None at the start, and once it is ``done``."""
    done_at: float | None = None
    """Unix seconds at which its last page came, by this machine's clock."""
    lost: int | None = None
    """Seat of the member whose records this reading is about, because it fell silent."""
    until: str | None = None
    """Cursor at which this reading ends; None at the end of the list."""

    @property
    def begun(self) -> bool:
        """True if something of it was read."""
        return self.cursor is not None or self.done_at is not None


@dataclass(frozen=True, slots=True)
class Position:
    """How far the whole listing is."""

    placement: int
    places: tuple[Place, ...]
    """In the order in which they are read."""
    silent: tuple[int, ...] = ()
    """Seats of those that fell silent."""

    def encode(self) -> str:
        """As an opaque text."""
        rows = [astuple(one) for one in self.places]
        content = orjson.dumps([VERSION, self.placement, rows, self.silent])
        return base64.urlsafe_b64encode(content).decode()

    @classmethod
    def decode(cls, text: str) -> Position:
        """Raises InvalidInput for what is no cursor of a network's list."""
        try:
            version, placement, rows, silent = orjson.loads(base64.urlsafe_b64decode(text))
            if version != VERSION:
                raise ValueError(f"version {version}")
            return cls(placement, tuple(Place(*row) for row in rows), tuple(silent))
        except (ValueError, TypeError) as error:
            raise InvalidInput(f"this is no cursor of a network's list ({error})") from error


@dataclass(slots=True)
class Listing:
    """Reads pages. ``now`` is unix seconds, ``timeout_s`` for each request."""

    asking: Asking
    view: View
    where: Metadata | None
    limit: int
    timeout_s: float
    now: Callable[[], float]
    _by_seat: dict[int, Member] = field(init=False)
    _at: Position = field(init=False)

    def __post_init__(self) -> None:
        self._by_seat = {member.seat: member for member in self.view.members}
        # Checked here, so that no miner need be believed that a listing is bad.
        if isinstance(self.limit, bool) or not 1 <= self.limit <= MAX_LIST:
            raise InvalidInput(f"a page holds 1 to {MAX_LIST:,} records, not {self.limit!r}")
        if self.where:
            parse_where(self.where)

    async def page(self, cursor: str | None) -> NetworkPage:
        """The next records, at most ``limit``; only the last page's cursor is None.

        Raises InvalidInput for a bad cursor or filter.
        """
        self._at = self._begin() if cursor is None else Position.decode(cursor)
        records: list[Record] = []
        while not records and (place := self._next()) is not None:
            page = await self._read(place)
            if page is None:
                self._lose(place.seat)
            else:
                records = await self._its_own(place, page.records)
                self._advance(place, page.cursor)
        return self._as_page(records)

    def _begin(self) -> Position:
        places = tuple(Place(member.seat) for member in self.view.members)
        return Position(self.view.current.number, places)

    def _next(self) -> Place | None:
        """The first list that is not read to its end."""
        return next((one for one in self._at.places if one.done_at is None), None)

    def _advance(self, place: Place, cursor: str | None) -> None:
        over = cursor is None or cursor == place.until
        moved = replace(place, cursor=cursor, done_at=self.now() if over else None)
        places = tuple(moved if one == place else one for one in self._at.places)
        self._at = replace(self._at, places=places)

    def _lose(self, seat: int) -> None:
        """A member fell silent: what was passed over for its sake is read again."""
        rest = tuple(one for one in self._at.places if one.seat != seat)
        again = tuple(
            Place(one.seat, lost=seat, until=None if one.done_at is not None else one.cursor)
            for one in rest
            if one.begun
        )
        self._at = replace(self._at, places=rest + again, silent=(*self._at.silent, seat))

    async def _read(self, place: Place) -> Page | None:
        """The next page of one list; None if its member does not give it, or is none any more."""
        member = self._by_seat.get(place.seat)
        call = wire.page(self.limit, place.cursor, self.where)
        for _ in range(ATTEMPTS if member is not None else 0):
            try:
                page = await self.asking.result(cast(Member, member), call, self.timeout_s)
            except EngramError as error:
                log.info("a page of a list did not come: %s", error)
                continue
            if await asyncio.to_thread(intact, page.records):
                return page
            reason = "it lists records that do not hash to their CIDs"
            self.asking.standing.lied(cast(Member, member), reason)
        return None

    async def _its_own(self, place: Place, records: Sequence[Record]) -> list[Record]:
        """Those of its records that nobody before it lists."""
        while True:
            about = [one for one in records if self._is_about(place, one.cid)]
            questions: dict[Member, list[str]] = {}
            for record in about:
                for earlier in self._before(place, record.cid):
                    questions.setdefault(earlier, []).append(record.cid)
            answers = [self._listed(one, place, cids) for one, cids in questions.items()]
            found = dict(zip(questions, await asyncio.gather(*answers), strict=True))
            silent = [member.seat for member, listed in found.items() if listed is None]
            if not silent:
                listed = set().union(*(listed or set() for listed in found.values()))
                return [record for record in about if record.cid not in listed]
            for seat in silent:
                self._lose(seat)

    def _is_about(self, place: Place, cid: str) -> bool:
        """False for what this reading is not about: it was not left to the member that is lost."""
        if place.lost is None:
            return True
        others = set(self._at.silent) - {place.lost}
        first = next(m for m in self.view.current.order(cid) if m.seat not in others)
        return first.seat == place.lost

    def _before(self, place: Place, cid: str) -> list[Member]:
        """Whoever would list the CID rather than this member: the nearer ones that are read too."""
        read = {one.seat for one in self._at.places}
        nearer: list[Member] = []
        for member in self.view.current.order(cid)[:NEAREST]:
            if member.seat == place.seat:
                break
            if member.seat in read:
                nearer.append(member)
        return nearer

    async def _listed(self, member: Member, place: Place, cids: Sequence[str]) -> set[str] | None:
        """Which of these CIDs that member lists; None if it does not say.

        It lists what it had when its list was read to the end, or has while it is being read.
        """
        held: dict[str, int] = {}
        try:
            for start in range(0, len(cids), MAX_HAS):
                call = wire.has(cids[start : start + MAX_HAS])
                found = await self.asking.result(member, call, self.timeout_s)
                held.update(found)
        except EngramError as error:
            log.info("who lists what is not known: %s", error)
            return None
        done_at = self._place_of(member, place.lost).done_at
        since_ms = -1.0 if done_at is None else (self.now() - done_at) * 1000
        return {cid for cid, age_ms in held.items() if age_ms > since_ms}

    def _place_of(self, member: Member, lost: int | None) -> Place:
        """Its reading for the sake of the one that is lost, or else the one that it has."""
        its = [one for one in self._at.places if one.seat == member.seat]
        return next((one for one in its if one.lost == lost), its[0])

    def _as_page(self, records: list[Record]) -> NetworkPage:
        gone = set(self._at.silent)
        alive = {member.uid for member in self.view.members if member.seat not in gone}
        silent = [member for member in self.view.members if member.seat in gone]
        more = self._next() is not None
        return NetworkPage(
            tuple(records),
            self._at.encode() if more else None,
            self.view.current.cover.missing_fraction(alive) == 0,
            tuple(Silent(name_of(member), "no answer") for member in silent),
        )

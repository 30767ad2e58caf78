"""Reads what members list: so the validator learns users' records, and who has copies of them.

The first page of a turn is at a random place among those seen before, the others go on from where
the last one ended, to the end and then along with what arrives.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import structlog

from engram.core import embedding_bytes, verify_cid
from engram.core.embedding import from_base64
from engram.errors import InvalidInput
from engram.protocol import ListReply, RecordReply
from engram.validator.ask import Asker
from engram.validator.clock import Clock
from engram.validator.receipts import Genuine, Receipts
from engram.validator.roster import Miner, Roster
from engram.validator.state import State, miners, offers, pool, repairs, replicas
from engram.validator.state.offers import Answered, Offer, OfferState
from engram.validator.state.replicas import Finding, Proof
from engram.validator.verdict import Failure

PAGE = 100  # records; 250 KB as a rule
REMEMBERED = 256  # cursors of a member, of which one is chosen by chance

log = structlog.get_logger("engram.validator")


@dataclass(frozen=True, slots=True)
class Page:
    """What one member listed, checked."""

    miner: Miner
    genuine: list[RecordReply]
    """Records whose bytes are those of their CIDs."""
    broken: list[str]
    """CIDs under which other bytes came."""
    receipt: Genuine | None


@dataclass(slots=True)
class Walk:
    """How far a member was read."""

    cursor: str | None
    seen: list[str | None] = field(default_factory=lambda: [None])
    """Where pages began, a random choice of them."""
    pages: int = 0

    def note(self, began: str | None, random: Random) -> None:
        """A page began here: keep it with the same chance as every other (algorithm R, Vitter)."""
        self.pages += 1
        if len(self.seen) < REMEMBERED:
            self.seen.append(began)
        elif (place := random.randrange(self.pages)) < REMEMBERED:
            self.seen[place] = began


class Pages:
    """Reads a few pages of a member at a time, and writes down what they show."""

    def __init__(
        self,
        state: State,
        roster: Roster,
        asker: Asker,
        receipts: Receipts,
        clock: Clock,
        random: Random,
        known_limit: int,
    ) -> None:
        self._state = state
        self._roster = roster
        self._asker = asker
        self._receipts = receipts
        self._clock = clock
        self._random = random
        self._known_limit = known_limit
        self._walks: dict[int, Walk] = {}

    async def read(self, miner: Miner, count: int) -> None:
        """``count`` pages, fewer if it fails or there are no more."""
        walk = await self._walk(miner)
        if count and not await self._page(miner, self._random.choice(walk.seen), None):
            walk.seen = [None]  # its cursors may be those of a store that is no more
        for _ in range(count - 1):
            began = walk.cursor
            if not await self._page(miner, began, walk):
                walk.cursor = None
                return
            if walk.cursor == began:
                return

    async def _walk(self, miner: Miner) -> Walk:
        if miner.id not in self._walks:
            cursor = await asyncio.to_thread(self._kept_cursor, miner.id)
            self._walks[miner.id] = Walk(cursor)
        return self._walks[miner.id]

    def _kept_cursor(self, miner: int) -> str | None:
        with self._state.read() as connection:
            return miners.listed(connection, miner)

    async def _page(self, miner: Miner, began: str | None, walk: Walk | None) -> bool:
        """Read one page; False if the member refused the cursor. ``walk`` moves on with it."""
        asked = await self._asker.page(miner.url, began, PAGE)
        if isinstance(asked, Failure):
            return asked.code != "invalid_input"
        reply = asked.message
        if walk is not None and reply.cursor is not None:
            walk.note(began, self._random)
            walk.cursor = reply.cursor
        cursor = walk.cursor if walk else None
        await asyncio.to_thread(self._take, miner, reply, cursor)
        return True

    def _take(self, miner: Miner, reply: ListReply, cursor: str | None) -> None:
        """Check a page and write down what it shows: a hundred CIDs and one signature."""
        page = self._checked(miner, reply)
        if page.broken:
            log.warning(
                "a member lists bytes that are not their CIDs'",
                uid=miner.uid,
                records=len(page.broken),
            )
        named = self._named([record.cid for record in page.genuine])
        mine = [r for r, ids in zip(page.genuine, named, strict=True) if miner.id in ids]
        with self._state.write() as tx:
            self._note(tx, page, mine)
            if cursor is not None:
                miners.note_listed(tx, miner.id, cursor)

    def _checked(self, miner: Miner, reply: ListReply) -> Page:
        cids = [record.cid for record in reply.records]
        genuine = [record for record in reply.records if is_genuine(record)]
        good = {record.cid for record in genuine}
        receipt = self._receipts.of_page(miner, cids, reply.receipt)
        return Page(miner, genuine, [cid for cid in cids if cid not in good], receipt)

    def _named(self, cids: Sequence[str]) -> list[frozenset[int]]:
        with self._state.read() as connection:
            absent = replicas.suspended(connection)
        return self._roster.named(cids, absent)

    def _note(self, tx: sqlite3.Connection, page: Page, mine: list[RecordReply]) -> None:
        """What lies where placement does not put it is no copy that counts."""
        known = pool.ids_of(tx, [*(record.cid for record in mine), *page.broken])
        room = self._known_limit - pool.count(tx)
        for record in mine:
            if record.cid not in known and room > 0:
                made = pool.add_record(tx, record.cid, embedding_of(record), {}, None)
                room -= 1
                if made is not None:
                    known[record.cid] = made
        shown = {known[r.cid]: True for r in mine if r.cid in known}
        shown |= {known[cid]: False for cid in page.broken if cid in known}
        self._note_copies(tx, page, shown)

    def _note_copies(self, tx: sqlite3.Connection, page: Page, shown: dict[int, bool]) -> None:
        own = pool.own_among(tx, shown)
        now, miner, receipt = self._clock.now(), page.miner.id, page.receipt
        for record, held in shown.items():
            obliges = receipt.placement if receipt and held and record not in own else None
            replicas.note(tx, Finding(record, miner, held, Proof.PAGE, now, obliges))
        repairs.add(tx, [record for record, held in shown.items() if not held])
        if receipt is not None:
            signed = [record for record in own if shown[record]]
            self._note_signed(tx, page.miner, signed, receipt)

    def _note_signed(
        self, tx: sqlite3.Connection, miner: Miner, own: list[int], receipt: Genuine
    ) -> None:
        """Of our own a page's receipt counts as much as one that came with the post."""
        cids = {record.id: record.cid for record in pool.records_by_id(tx, own)} if own else {}
        named = self._roster.assigned_to(list(cids.values()))
        offers.note(
            tx,
            [
                Answered(Offer(miner.id, record), OfferState.HELD, 0.0, receipt.placement, "", True)
                for record, ids in zip(cids, named, strict=True)
                if miner.id in ids
            ],
        )


def is_genuine(record: RecordReply) -> bool:
    """Whether the bytes are those of the CID."""
    try:
        vector = from_base64(record.embedding_b64)
        return verify_cid(record.cid, vector, record.metadata, record.model_version)
    except InvalidInput:
        return False


def embedding_of(record: RecordReply) -> bytes:
    """1,536 bytes of a genuine record."""
    return embedding_bytes(from_base64(record.embedding_b64))

"""Brings files to Arweave: signs once, sends all of it, waits until it is permanent.

What is about to happen is on disk before it happens. So after a crash at any moment the same
transaction goes on under the same id. A file is signed anew only when the chain itself shows that
its transaction can never be mined: its anchor is too old, and no block and no mempool has it.
There are never two transactions for one file that could both be paid.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engram.blobs.arweave.gateway import Gateway
from engram.blobs.arweave.merkle import Chunk, Tree, tree_of
from engram.blobs.arweave.transaction import Tag, Transaction, from_json
from engram.blobs.arweave.wallet import Wallet
from engram.blobs.folder import Folder
from engram.blobs.interface import PERMANENT_AFTER, Pinned, PinState, Price
from engram.blobs.journal import Entry, Journal
from engram.errors import BlobMismatch, BlobRejected, BlobsUnavailable, Underfunded

ANCHOR_BLOCKS = 50  # a transaction is mined no later than this many blocks after its anchor
SAFE_BLOCKS = 10  # more, since a gateway may be behind the miners, and the last blocks may fork
UNSEEN_S = 900.0  # seconds without a trace before a transaction is handed in again
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that is spent, in winston."""

    per_file: int
    per_day: int


class Pinning:
    """A BlobStore over one gateway. The files stay in ``folder`` until they are permanent."""

    def __init__(
        self,
        gateway: Gateway,
        wallet: Wallet | None,
        folder: Folder,
        journal: Journal,
        caps: Caps,
        now: Callable[[], float],
    ) -> None:
        """Without a ``wallet`` files wait. ``now``: unix seconds."""
        self._gateway = gateway
        self._wallet = wallet
        self._folder = folder
        self._journal = journal
        self._caps = caps
        self._now = now
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._spending = asyncio.Lock()

    async def put(self, path: Path, content_cid: str, tags: Mapping[str, str]) -> Pinned:
        """Keep the file and queue it; nothing is sent yet, ``advance`` does that."""
        await asyncio.to_thread(self._folder.add, path, content_cid)
        async with self._turns[content_cid]:
            entry = await asyncio.to_thread(self._journal.read, content_cid)
            if entry is None:
                size = (await asyncio.to_thread(path.stat)).st_size
                entry = Entry(content_cid, size, dict(tags), self._now())
                await self._keep(entry)
        return entry.pinned

    async def status(self, content_cid: str) -> Pinned | None:
        """See BlobStore."""
        entry = await asyncio.to_thread(self._journal.read, content_cid)
        return entry.pinned if entry is not None else None

    async def price(self, size: int) -> Price:
        """See BlobStore."""
        return Price(size, await self._gateway.price(size), "winston")

    async def fetch(self, content_cid: str, into: Path) -> bool:
        """See BlobStore: anybody's upload, verified; the next one if a gateway gives wrong bytes.

        Raises BlobMismatch if there are uploads and none of them is what it says.
        """
        wrong: BlobMismatch | None = None
        for transaction_id in await self._gateway.find(content_cid):
            try:
                if await self._fetched(transaction_id, content_cid, into):
                    return True
            except BlobMismatch as error:
                wrong = error
        if wrong is not None:
            raise wrong
        return False

    async def advance(self, content_cid: str) -> Pinned:
        """Do the next things for one file, as far as they go now. Raises nothing of Arweave's.

        What is in the way stands in ``reason``.
        """
        async with self._turns[content_cid]:
            entry = await asyncio.to_thread(self._journal.read, content_cid)
            assert entry is not None, "advance follows put"
            if entry.done:
                return entry.pinned
            try:
                entry = await self._advanced(entry)
            except BlobsUnavailable as error:
                entry = await self._note(content_cid, reason=error.message)
            except Underfunded as error:
                entry = await self._note(
                    content_cid, state=PinState.UNDERFUNDED, reason=error.message
                )
            except (BlobRejected, BlobMismatch) as error:
                entry = await self._note(content_cid, state=PinState.REJECTED, reason=error.message)
            return entry.pinned

    async def retry(self, content_cid: str) -> None:
        """Let a rejected file begin again, once its operator has looked. Its id stays if it has
        one."""
        async with self._turns[content_cid]:
            entry = await asyncio.to_thread(self._journal.read, content_cid)
            if entry is not None and entry.state is PinState.REJECTED:
                await self._keep(replace(entry, state=PinState.WAITING, reason=""))

    async def waiting(self) -> list[str]:
        """Content ids of what is not done, oldest first."""
        entries = await asyncio.to_thread(self._journal.all)
        return [entry.content_cid for entry in entries if not entry.done]

    async def _advanced(self, entry: Entry) -> Entry:
        if entry.transaction is None:
            entry = await self._signed(entry)
        transaction = from_json(entry.transaction or {})
        if entry.state in (PinState.WAITING, PinState.UNDERFUNDED):
            if await self._is_hopeless(entry):
                entry = await self._signed(await self._given_up(entry))
                transaction = from_json(entry.transaction or {})
            entry = await self._sent(entry, transaction)
        return await self._looked_at(entry)

    async def _signed(self, entry: Entry) -> Entry:
        """A transaction for the file, on disk before anybody else sees it."""
        if self._wallet is None:
            raise BlobsUnavailable("No Arweave wallet is set, so the file waits here.")
        tree = await asyncio.to_thread(self._tree, entry)
        async with self._spending:
            price = await self._gateway.price(entry.size)
            await self._require_within_caps(price)
            anchor = await self._gateway.anchor()
            height = await self._gateway.height()  # asked after the anchor: never below its own
            unsigned = Transaction(
                owner=self._wallet.owner,
                anchor=anchor,
                tags=tuple(Tag(name, value) for name, value in sorted(entry.tags.items())),
                data_size=entry.size,
                data_root=tree.root,
                reward=price,
            )
            signed = await asyncio.to_thread(unsigned.signed_by, self._wallet)
            return await self._keep(
                replace(
                    entry,
                    transaction=signed.to_json(),
                    signed_at_height=height,
                    signed_at=self._now(),
                    spent=price,
                    next_chunk=0,
                    header_taken=False,
                    state=PinState.WAITING,
                    reason="",
                )
            )

    async def _require_within_caps(self, price: int) -> None:
        if price > self._caps.per_file:
            raise BlobRejected(
                f"Storing it costs {price:,} winston, more than the cap of "
                f"{self._caps.per_file:,} a file."
            )
        since = self._now() - DAY_S
        entries = await asyncio.to_thread(self._journal.all)
        today = sum(e.spent for e in entries if e.signed_at is not None and e.signed_at > since)
        if today + price > self._caps.per_day:
            raise BlobsUnavailable(
                f"With this file the last day would cost {today + price:,} winston, more than the "
                f"cap of {self._caps.per_day:,}; it waits."
            )

    async def _is_hopeless(self, entry: Entry) -> bool:
        """True if the transaction can never be mined any more, by the chain's own word."""
        assert entry.signed_at_height is not None and entry.id is not None
        height = await self._gateway.height()
        if height <= entry.signed_at_height + ANCHOR_BLOCKS + SAFE_BLOCKS:
            return False
        return await self._gateway.standing(entry.id) is None

    async def _given_up(self, entry: Entry) -> Entry:
        assert entry.id is not None
        earlier = (*entry.earlier_ids, entry.id)
        return await self._keep(
            replace(entry, transaction=None, signed_at=None, spent=0, earlier_ids=earlier)
        )

    async def _sent(self, entry: Entry, transaction: Transaction) -> Entry:
        """Header first, then the chunks from where it stopped."""
        tree = await asyncio.to_thread(self._tree, entry)
        chunks = tree.chunks
        if not entry.header_taken:
            entry = await self._announced(entry, transaction, chunks)
        for place in range(entry.next_chunk, len(chunks)):
            data = await self._bytes_of(entry, chunks[place])
            await self._gateway.post_chunk(transaction, chunks[place], data)
            entry = await self._keep(replace(entry, next_chunk=place + 1, reason=""))
        return await self._keep(replace(entry, state=PinState.PENDING, reason=""))

    async def _announced(
        self, entry: Entry, transaction: Transaction, chunks: Sequence[Chunk]
    ) -> Entry:
        """Hand in the header, with the data if that is one chunk; not if the chain has it."""
        sent = 0
        if await self._gateway.standing(transaction.id) is None:
            whole = len(chunks) == 1
            data = await self._bytes_of(entry, chunks[0]) if whole else b""
            await self._gateway.post(transaction, data)
            sent = 1 if whole else 0
        return await self._keep(replace(entry, header_taken=True, next_chunk=sent, reason=""))

    async def _looked_at(self, entry: Entry) -> Entry:
        """How many confirmations it has; back to the start if the chain lost it."""
        assert entry.id is not None
        mined = await self._gateway.standing(entry.id)
        if mined is None:
            return await self._unseen(entry)
        state = PinState.PENDING
        if mined.confirmations:
            final = mined.confirmations >= PERMANENT_AFTER
            state = PinState.PERMANENT if final else PinState.CONFIRMED
        if state is entry.state and mined.confirmations == entry.confirmations:
            return entry
        seen = replace(entry, confirmations=mined.confirmations, unseen_since=None, reason="")
        return await self._keep(replace(seen, state=state))

    async def _unseen(self, entry: Entry) -> Entry:
        """Gateways show a transaction late; one that stays away was dropped, or its block was.

        Then the same one is handed in again.
        """
        now = self._now()
        if entry.unseen_since is None:
            return await self._keep(replace(entry, unseen_since=now))
        if now - entry.unseen_since < UNSEEN_S:
            return entry
        again = replace(entry, header_taken=False, next_chunk=0, unseen_since=None)
        return await self._keep(replace(again, state=PinState.WAITING, confirmations=0))

    async def _fetched(self, transaction_id: str, content_cid: str, into: Path) -> bool:
        transaction = await self._gateway.transaction(transaction_id)
        if transaction is None:
            return False
        digest = await self._gateway.download(transaction, into)
        if f"sha256:{digest}" != content_cid:
            await asyncio.to_thread(into.unlink)
            raise BlobMismatch(f"{transaction_id} is signed, but holds other bytes.")
        return True

    def _tree(self, entry: Entry) -> Tree:
        with self._folder.path_of(entry.content_cid).open("rb") as file:
            return tree_of(file, entry.size)

    async def _bytes_of(self, entry: Entry, chunk: Chunk) -> bytes:
        path = self._folder.path_of(entry.content_cid)
        return await asyncio.to_thread(read_span, path, chunk.span.start, chunk.span.end)

    async def _note(self, content_cid: str, *, reason: str, state: PinState | None = None) -> Entry:
        """Keep why a file does not go on, beside whatever was kept of it meanwhile."""
        entry = await asyncio.to_thread(self._journal.read, content_cid)
        assert entry is not None
        state = state or entry.state
        if (entry.reason, entry.state) == (reason, state):
            return entry
        return await self._keep(replace(entry, reason=reason, state=state))

    async def _keep(self, entry: Entry) -> Entry:
        await asyncio.to_thread(self._journal.write, entry)
        return entry


def read_span(path: Path, start: int, end: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(end - start)

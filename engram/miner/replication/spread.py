"""From one disk to all holders': what an ingest waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from engram.errors import TooFewReplicas
from engram.miner.replication.acknowledge import Acknowledgements, Expected
from engram.miner.replication.deliver import Parcel, parcel_of
from engram.miner.replication.frame import Copy
from engram.miner.replication.holders import Holders
from engram.miner.replication.interface import Clock, Shelf
from engram.miner.replication.outbox import Outbox
from engram.miner.replication.receipts import Receipts
from engram.protocol import Replicas, SignedReceipt
from engram.storage.interface import NewRecord, Stored


class Placed(NamedTuple):
    """A record that is on this disk, and how far it has come."""

    stored: Stored
    replicas: Replicas


@dataclass(frozen=True, slots=True)
class Route:
    """Where one record goes."""

    parcel: Parcel
    seats: tuple[int, ...]
    """Of all holders but this node."""
    here: bool
    """True if this node is a holder itself."""


class Spread:
    """Puts records on this disk and sees them to their holders."""

    def __init__(
        self,
        *,
        shelf: Shelf,
        holders: Holders,
        outbox: Outbox,
        receipts: Receipts,
        acknowledgements: Acknowledgements,
        clock: Clock,
        deadline_s: float,
    ) -> None:
        self.shelf = shelf
        self.holders = holders
        self.outbox = outbox
        self.receipts = receipts
        self.acknowledgements = acknowledgements
        self.clock = clock
        self.deadline_s = deadline_s

    async def put(
        self, records: Sequence[NewRecord], minima: Sequence[int | None]
    ) -> list[Placed | Exception]:
        """Store the records and wait until their holders have them, for ``deadline_s`` in all.

        One outcome for each, in order: RefusedHere was not stored; TooFewReplicas was, and goes on
        to its holders. ``minima`` are the acknowledgements below which that is raised. Raises
        Overloaded if the outbox is full, and what ``Shelf.put`` raises; then nothing was stored.
        """
        placement = self.holders.placement
        if placement is None:
            stored = await self.shelf.put(records)
            return [alone(*each) for each in zip(stored, minima, strict=True)]
        routes = await self._routes(records)
        if any(route.seats for route in routes):
            self.outbox.check_room()
        sent = [
            replace(r, deliver_to=route.seats) for r, route in zip(records, routes, strict=True)
        ]
        stored, own = await self._store(sent, routes, placement)
        expected = await self._bring(routes, stored, own, minima)
        return [
            self._outcome(one, expected, minimum)
            for one, minimum in zip(stored, minima, strict=True)
        ]

    async def _routes(self, records: Sequence[NewRecord]) -> list[Route]:
        if len(records) == 1:
            return self._make_routes(records)
        return await asyncio.to_thread(self._make_routes, records)

    def _make_routes(self, records: Sequence[NewRecord]) -> list[Route]:
        local = self.holders.local
        cids = [record.cid for record in records]
        holders = self.holders.many(cids) if len(cids) > 1 else [self.holders.of(cids[0])]
        return [
            Route(
                parcel_of(copy_of_new(record)),
                tuple(each.seat for each in held_by if each != local),
                local in held_by,
            )
            for record, held_by in zip(records, holders, strict=True)
        ]

    async def _store(
        self, records: Sequence[NewRecord], routes: Sequence[Route], placement: int
    ) -> tuple[list[Stored | Exception], dict[str, SignedReceipt]]:
        """Put the records on disk; this node's receipts, by CID, for what it holds itself.

        Receipts of a batch are signed meanwhile; one for what was refused is dropped.
        """
        here = [(route.parcel.cid, route.parcel.size) for route in routes if route.here]
        if len(here) > 1:
            stored, signed = await asyncio.gather(
                self.shelf.put(records), self.receipts.sign(here, placement)
            )
        else:
            stored = await self.shelf.put(records)
            signed = [self.receipts.sign_one(cid, size, placement) for cid, size in here]
        return stored, {receipt.cid: receipt for receipt in signed}

    async def _bring(
        self,
        routes: Sequence[Route],
        stored: Sequence[Stored | Exception],
        own: dict[str, SignedReceipt],
        minima: Sequence[int | None],
    ) -> dict[str, Expected]:
        """Send what is stored and wait; what is known of each CID by then."""
        expected: dict[str, Expected] = {}
        for route, one, minimum in zip(routes, stored, minima, strict=True):
            if isinstance(one, Stored):
                first = [own[one.cid]] if route.here else []
                known = expected.setdefault(one.cid, Expected(set(route.seats), 0, receipts=first))
                known.wanted = max(known.wanted, minimum or 0)
        vigil = self.acknowledgements.watch(expected)
        try:
            self._send(route for route in routes if route.parcel.cid in expected)
            await vigil.wait(self.clock, self.deadline_s)
        finally:
            self.acknowledgements.forget(vigil)
        return expected

    def _send(self, routes: Iterable[Route]) -> None:
        for route in routes:
            self.outbox.bring(route.parcel, route.seats)

    def _outcome(
        self, stored: Stored | Exception, expected: dict[str, Expected], minimum: int | None
    ) -> Placed | Exception:
        if isinstance(stored, Exception):
            return stored
        receipts = expected[stored.cid].receipts
        replicas = Replicas(
            required=self.holders.required, acknowledged=len(receipts), receipts=receipts
        )
        return reached(stored, replicas, minimum)


def copy_of_new(record: NewRecord) -> Copy:
    """What is sent of a record that is only being stored."""
    return Copy(record.cid, record.embedding, record.metadata, record.text, record.model_version)


def alone(stored: Stored | Exception, minimum: int | None) -> Placed | Exception:
    """The outcome on a node without any membership: its own disk is all there is."""
    if isinstance(stored, Exception):
        return stored
    return reached(stored, Replicas(required=1, acknowledged=1), minimum)


def reached(stored: Stored, replicas: Replicas, minimum: int | None) -> Placed | TooFewReplicas:
    """The outcome for a record that is on disk here."""
    if minimum is not None and replicas.acknowledged < minimum:
        return too_few(stored.cid, replicas, minimum)
    return Placed(stored, replicas)


def too_few(cid: str, replicas: Replicas, minimum: int) -> TooFewReplicas:
    """The error for a record that is stored, but not yet in as many places as asked for."""
    return TooFewReplicas(
        f"{replicas.acknowledged} of {minimum} copies were acknowledged in time. The record is "
        "stored here and goes on to its holders; sending it again tells how far it has come.",
        retry_after=5,
        details={"cid": cid, "replicas": replicas.model_dump()},
    )

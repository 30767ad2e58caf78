"""Who is to hold a CID, as this node sees it: the routing table and who answers, in one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engram.core import parse_cid
from engram.core.limits import REPLICAS
from engram.dht import Member, Membership, RoutingTable


class Absence(Protocol):
    """Who has not answered for long; see ``Reach``."""

    def absent(self) -> frozenset[int]:
        """UIDs, by the current membership."""
        ...


class Holders:
    """The first ``min(3, members)`` in order that are not absent."""

    def __init__(self, table: RoutingTable, reach: Absence) -> None:
        self.table = table
        self.reach = reach

    @property
    def membership(self) -> Membership | None:
        """The current one; None while the node is alone, as on a subnet where nobody serves yet."""
        current = self.table.current
        return current if current is not None and current.members else None

    @property
    def placement(self) -> int | None:
        """The placement block that is in force; None while the node is alone."""
        return self.membership.number if self.membership else None

    @property
    def local(self) -> Member | None:
        """This node, if it is a member."""
        return self.table.local

    @property
    def required(self) -> int:
        """Copies that a record is to have: 1 while the node is alone."""
        return min(REPLICAS, len(self.membership.members)) if self.membership else 1

    @property
    def others(self) -> tuple[Member, ...]:
        """All members but this node."""
        members = self.table.current.members if self.table.current else ()
        return tuple(member for member in members if member.hotkey != self.table.hotkey)

    def seated(self, seat: int) -> Member | None:
        """Who sits there now; None if nobody does."""
        members = self.table.current.members if self.table.current else ()
        return next((member for member in members if member.seat == seat), None)

    def of(self, cid: str) -> tuple[Member, ...]:
        """Who is to hold the CID, nearest first; nobody while the node is alone.

        Raises InvalidCid.
        """
        now = self.membership
        return now.holders(cid, self.reach.absent()) if now else ()

    def many(self, cids: Sequence[str]) -> list[tuple[Member, ...]]:
        """``of`` for each of many CIDs; milliseconds for thousands, so not on the event loop."""
        now = self.membership
        if now is None:
            return [()] * len(cids)
        by_uid = {member.uid: member for member in now.members}
        rows = now.holders_many(digests_of(cids), self.reach.absent()).tolist()
        return [tuple(by_uid[uid] for uid in row if uid in by_uid) for row in rows]

    def absent_for(self, member: Member) -> frozenset[int]:
        """Whom to take as absent in what is said to ``member``: never itself, for it answers."""
        return self.reach.absent() - {member.uid}

    def due(self, member: Member, cids: Sequence[str], placement: int | None = None) -> list[bool]:
        """Whether the member is to hold each CID, once it answers.

        By the given placement, or the current one. Not on the event loop, see ``many``.
        """
        at = self.table.current if placement is None else self.table.at(placement)
        if at is None or not cids:
            return [False] * len(cids)
        rows = at.holders_many(digests_of(cids), self.absent_for(member))
        due: list[bool] = (rows == member.uid).any(axis=1).tolist()
        return due


def digests_of(cids: Sequence[str]) -> NDArray[np.uint8]:
    """The digests in CIDs, shape (n, 32). Raises InvalidCid."""
    joined = b"".join(parse_cid(cid) for cid in cids)
    return np.frombuffer(joined, np.uint8).reshape(len(cids), 32)

"""Who the members are, as a client sees it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from engram.dht import Member, Membership
from engram.net.addresses import is_global

ALONE = 0
"""Placement block of a node without a chain; no real network has members at block 0."""


@dataclass(frozen=True)
class View:
    """The members at the current placement block, and at the one before while it is remembered."""

    current: Membership
    previous: Membership | None = None
    public: bool = False
    """True if strangers announce the addresses, so that only global ones are dialled."""

    @property
    def members(self) -> tuple[Member, ...]:
        return self.current.members

    @property
    def placement(self) -> int | None:
        """Number of the placement block; None if this is one node without a chain."""
        return None if self.current.number == ALONE else self.current.number

    @cached_property
    def _by_seat(self) -> dict[int, Member]:
        return {member.seat: member for member in self.current.members}

    @cached_property
    def stayed(self) -> set[int]:
        """UIDs that were members one placement block ago too, in the same registration."""
        before = () if self.previous is None else self.previous.members
        return {self._by_seat[m.seat].uid for m in before if m.seat in self._by_seat}

    def dials(self, member: Member) -> bool:
        """May its address be dialled?"""
        return not self.public or is_global(member.url)

    def holders(self, cid: str, absent: Collection[int] = ()) -> tuple[Member, ...]:
        """Who holds the CID, stand-ins for the absent included. Raises InvalidCid."""
        return self.current.holders(cid, absent)

    def entitled(self, cid: str, absent: Collection[int] = ()) -> set[int]:
        """UIDs whose word on the CID counts: its holders, their stand-ins, and who held it before.

        Those that held it one placement block ago are still handing it over.
        """
        named = (*self.current.assigned(cid), *self.holders(cid, absent), *self._before(cid))
        return {member.uid for member in named}

    def _before(self, cid: str) -> list[Member]:
        if self.previous is None:
            return []
        held = self.previous.assigned(cid)
        return [self._by_seat[member.seat] for member in held if member.seat in self._by_seat]


class Discovery(Protocol):
    """Finds the members."""

    def remembered(self) -> View | None:
        """The last good view that was kept, if it is young enough to start with. May block."""
        ...

    async def look(self) -> View:
        """The view as of now. Raises ChainUnavailable, ServerUnreachable or InvalidInput."""
        ...

    async def next_look_s(self) -> float:
        """In how many seconds it may be another one."""
        ...

    async def close(self) -> None: ...


def alone(url: str) -> View:
    """One node that holds everything."""
    member = Member(
        uid=0, hotkey="", public_key=b"", url=url, registered_at=0, registered_hash=bytes(32)
    )
    return View(Membership(ALONE, bytes(32), (member,)))

"""What replication needs from the world. Everything impure comes in through one of these.

The rules of this folder run unchanged over real sockets and disks, and in a simulation with its own
clock, network, disks and chance (tests/simulation). So nothing here sleeps, reads a clock, draws a
random number, opens a socket or touches a disk except through these interfaces, and whatever takes
long runs through ``Shelf`` or ``asyncio.to_thread``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engram.dht import Member
from engram.storage.interface import Delivery, NewRecord, Record, Stored


class Clock(Protocol):
    """Three views of time."""

    def now(self) -> float:
        """Unix seconds; may be set back, and may be wrong."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return so many seconds later."""
        ...


class Trouble(Enum):
    """What kept a peer from answering as it should."""

    UNREACHABLE = "unreachable"
    """No connection, or it broke off before a reply."""
    SLOW = "slow"
    """Connected, but no whole reply in time."""
    REFUSED = "refused"
    """A reply with a status of 400 or more; ``code`` says why."""
    INVALID = "invalid"
    """A reply that breaks the protocol."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A peer gave no good answer."""

    trouble: Trouble
    detail: str
    """A sentence."""
    code: str = ""
    """The stable word of a refusal."""
    retry_after: float | None = None
    """Seconds that the peer asks to be left alone."""
    placements: tuple[int, ...] = ()
    """With ``stale_membership``: the placement blocks that the peer accepts."""

    @property
    def silent(self) -> bool:
        """True if there was no answer at all."""
        return self.trouble in (Trouble.UNREACHABLE, Trouble.SLOW)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole reply with status 200."""

    body: bytes


class Peers(Protocol):
    """Signed requests to other members. Never raises for anything that a peer does."""

    async def send(
        self,
        member: Member,
        path: str,
        body: bytes,
        *,
        content_type: str = "application/json",
        timeout_s: float,
    ) -> Answer | Failure:
        """POST the body; the request is signed for this member."""
        ...

    async def get(self, member: Member, path: str, *, timeout_s: float) -> Answer | Failure:
        """GET, unsigned, as any client would."""
        ...


class Shelf(Protocol):
    """The node's own records and outbox, as the event loop sees them. See VectorStore.

    Raises StorageFull, Overloaded or NotReady.
    """

    async def put(self, records: Sequence[NewRecord]) -> list[Stored | Exception]: ...
    async def get(self, cid: str) -> Record | None: ...
    async def has(self, cids: Sequence[str]) -> dict[str, float]: ...
    async def forget(self, cids: Sequence[str]) -> int: ...
    async def digests(self) -> NDArray[np.uint8]: ...
    async def refused(self) -> NDArray[np.uint8]: ...
    async def enqueue(self, deliveries: Sequence[tuple[int, str]]) -> int: ...
    async def waiting(self) -> dict[int, int]: ...
    async def outbox(self, seat: int, limit: int, after: str | None = None) -> list[Delivery]: ...
    async def delivered(self, seat: int, cids: Sequence[str]) -> None: ...
    async def drop_seats(self, seats: Sequence[int]) -> int: ...

"""What every place for raw files promises, and how far a file has come on its way there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

PERMANENT_AFTER = 10  # confirmations, from which on a transaction is taken as final


class PinState(StrEnum):
    """How far a file has come."""

    WAITING = "waiting"
    """Kept here; nothing was sent yet, or its sending broke off and goes on later."""
    PENDING = "pending"
    """All was sent; in no block yet."""
    CONFIRMED = "confirmed"
    """In a block, under fewer than ten confirmations."""
    PERMANENT = "permanent"
    UNDERFUNDED = "underfunded"
    """The wallet holds too little; it goes on once there is more."""
    REJECTED = "rejected"
    """Refused for good: an operator has to look."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A file's way to a place, as the caller sees it."""

    content_cid: str
    state: PinState
    id: str | None
    """What the place calls the file; known once it is signed, so before anything is sent."""
    confirmations: int = 0
    reason: str = ""
    """Why it does not go on, as a sentence."""
    earlier_ids: tuple[str, ...] = ()
    """Ids that were signed before and can never be mined any more."""


@dataclass(frozen=True, slots=True)
class Price:
    """What keeping so many bytes costs now."""

    size: int
    amount: int
    """In the unit's smallest part."""
    unit: str


class BlobStore(Protocol):
    """Keeps raw files under their content id. The same file twice is kept once.

    Raises BlobsUnavailable (try again), BlobRejected, Underfunded, BlobMismatch, StorageFull.
    """

    async def put(self, path: Path, content_cid: str, tags: Mapping[str, str]) -> Pinned:
        """Take a file on its way. Repeating it goes on where it stopped."""
        ...

    async def status(self, content_cid: str) -> Pinned | None:
        """How far a file is; None if it was never given."""
        ...

    async def fetch(self, content_cid: str, into: Path) -> bool:
        """Write the verified bytes to a new file; False if the place does not have them."""
        ...

    async def price(self, size: int) -> Price:
        """What ``put`` of so many bytes would cost now."""
        ...
